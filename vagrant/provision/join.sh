#!/usr/bin/env bash
# A worker. A machine that is one goes over to the file that was copied, if it is another one. The token is in FAIRLEAD_TOKEN.
# Usage: join.sh SERVER CA_CERT_HASH ADDRESS
set -euo pipefail

chmod +x /tmp/fairlead
if [ ! -e /etc/systemd/system/fairlead-agent.service ]; then
  /tmp/fairlead join "$1" --ca-cert-hash "$2" --node-ip "$3" </dev/null
elif ! cmp -s /tmp/fairlead /usr/local/bin/fairlead; then
  /tmp/fairlead upgrade </dev/null
fi
rm -f /tmp/fairlead
