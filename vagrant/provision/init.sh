#!/usr/bin/env bash
# The control plane, with its own node. A machine that is one goes over to the file that was copied, if it is another one or if it
# has not gone over to it wholly. Of an init that was broken off there is no node: the next one says what to do.
# Usage: init.sh ADDRESS PROXY_MODE NETWORK
set -euo pipefail

chmod +x /tmp/fairlead
if ! systemctl is-enabled --quiet fairlead-agent.service 2>/dev/null; then
  # On stdout is the line that joins, with its token; machines here get tokens of their own.
  /tmp/fairlead init --advertise-address "$1" --proxy-mode "$2" --network "$3" >/dev/null
elif [ -e /usr/local/bin/fairlead.previous ] || ! cmp -s /tmp/fairlead /usr/local/bin/fairlead; then
  /tmp/fairlead upgrade
fi
rm -f /tmp/fairlead
