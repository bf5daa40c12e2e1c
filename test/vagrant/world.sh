#!/usr/bin/env bash
# The first process of a world of its own: run in new network, mount and pid namespaces, it starts libvirt there. The network
# has no way out; what libvirt writes lies below the folder given. When this process is killed, the kernel ends all others.
# Usage: world.sh FOLDER
set -euo pipefail
dir=$1

ip link set lo up
# /sys shows the network of whoever mounted it. Without cgroups in it libvirt leaves them alone.
mount -t sysfs sysfs /sys
mount -t tmpfs tmpfs /run/libvirt
for name in lib/libvirt log/libvirt cache/libvirt; do
  mkdir -p "$dir/var/$name" "/var/$name"
  mount --bind "$dir/var/$name" "/var/$name"
done
mkdir -p "$dir/etc" /run/libvirt/dnsmasq
mount --bind "$dir/etc" /etc/libvirt

virtlogd --config /etc/libvirt/virtlogd.conf >"$dir/virtlogd.log" 2>&1 &
libvirtd --config /etc/libvirt/libvirtd.conf >"$dir/libvirtd.log" 2>&1 &
# As the first process it is the parent of all orphans, and takes their ends.
while true; do wait -n || sleep 1; done
