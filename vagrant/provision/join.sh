#!/usr/bin/env bash
# A worker. Usage: join.sh SERVER CA_CERT_HASH ADDRESS, the token in FAIRLEAD_TOKEN.
# A machine that is one needs none of these: it goes over to the file that was copied, if it is another one or if it has not gone
# over to it wholly.
set -euo pipefail

chmod +x /tmp/fairlead
if ! systemctl is-enabled --quiet fairlead-agent.service 2>/dev/null; then
  /tmp/fairlead join "$1" --ca-cert-hash "$2" --node-ip "$3" </dev/null
elif [ -e /usr/local/bin/fairlead.previous ] || ! cmp -s /tmp/fairlead /usr/local/bin/fairlead; then
  /tmp/fairlead upgrade </dev/null
fi
rm -f /tmp/fairlead
