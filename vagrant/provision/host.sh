#!/usr/bin/env bash
# What every machine needs before it is a node: Docker as the distribution has it, tools, kernel modules, the demo's image.
# Without a way to a Debian mirror the packages must be in the box.
set -euo pipefail

packages=(docker.io iptables nftables ipset ipvsadm conntrack iproute2 wireguard-tools curl busybox-static)
# Docker's containers have a profile where AppArmor is on.
[ "$(cat /sys/module/apparmor/parameters/enabled 2>/dev/null || true)" != Y ] || packages+=(apparmor)
missing=()
for package in "${packages[@]}"; do
  [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null || true)" = installed ] || missing+=("$package")
done
if ((${#missing[@]})); then
  echo "installing ${missing[*]}"
  export DEBIAN_FRONTEND=noninteractive
  apt-get update -qq
  apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
fi

# systemd-networkd takes foreign routes and rules off its links whenever it starts: those to other nodes' pods among them.
networkd=/etc/systemd/networkd.conf.d/fairlead.conf
if [ ! -e "$networkd" ]; then
  mkdir -p "${networkd%/*}"
  printf '[Network]\nManageForeignRoutes=no\nManageForeignRoutingPolicyRules=no\n' >"$networkd"
  systemctl try-restart systemd-networkd
fi

systemctl start docker
# Pods go on running while Docker restarts. Whoever has settings of Docker keeps them.
if [ ! -e /etc/docker/daemon.json ]; then
  echo '{ "live-restore": true }' >/etc/docker/daemon.json
  systemctl reload docker
fi

# The demo's web server and client: busybox and curl of this machine, so that nothing is asked of a registry.
if ! docker image inspect fairlead/demo:1 >/dev/null 2>&1; then
  root=$(mktemp -d)
  install -D /bin/busybox "$root/bin/busybox"
  chroot "$root" /bin/busybox --install -s /bin
  curl=$(command -v curl)
  cp --parents --dereference "$curl" $(ldd "$curl" | grep -o '/[^ ]*') "$root"
  tar -C "$root" -c . | docker import - fairlead/demo:1 >/dev/null
  rm -r "$root"
fi
