#!/bin/bash
# Writes into a folder what a host is like, a file for each matter, without counters, times and handles: before and after an
# installation both must be the same. Usage: host-snapshot.sh FOLDER
set -u
mkdir -p "$1" && cd "$1" || exit 1

ip -br -o link | awk '{print $1, $3}' | sort >links
ip -o addr | sed 's/valid_lft.*//' >addresses
{ ip route show table all; ip -6 route show table all | sed 's/expires [0-9a-z]*//'; } | sort >routes
{ ip rule; ip -6 rule; } >routing-rules
nft -s list ruleset >nftables
{ iptables-save; ip6tables-save; } | grep -v '^#' | sed 's/\[[0-9]*:[0-9]*\]//' >iptables
ipset list >ipset
ipvsadm -Ln >ipvs
findmnt -rno TARGET,FSTYPE | sort >mounts
systemctl list-unit-files --no-legend --plain >unit-files
# Sessions, devices and scopes of containers come and go by themselves.
systemctl list-units --all --no-legend --plain --type=service,slice,timer,socket | awk '{print $1, $2, $3}' |
  grep -vE '^(user@|user-|user-runtime-dir|systemd-(tmpfiles|hostnamed|timedated|localed))' | sort >units
find / -xdev \( -path /proc -o -path /sys -o -path /run -o -path /tmp -o -path /root -o -path /var/log -o -path /var/tmp \
  -o -path /var/lib/docker -o -path /var/lib/containerd -o -path /var/lib/systemd -o -path /opt/fairlead \) -prune \
  -o -printf '%p %y %m %l\n' | sort >files
docker ps --all --format '{{.Names}} {{.Image}} {{.State}}' | sort >containers
docker ps --quiet | xargs -r docker inspect --format '{{.Name}} {{.State.StartedAt}} {{.RestartCount}}' | sort >starts
docker images --format '{{.Repository}}:{{.Tag}} {{.ID}}' | sort >images
docker network ls --format '{{.Name}} {{.Driver}}' | sort >docker-networks
sysctl -a 2>/dev/null | grep -E 'ip_forward |rp_filter|forwarding|arp_ignore|arp_announce|accept_ra ' | grep -v veth | sort >sysctls
find /sys/fs/cgroup -type d -name 'kubepods*' >cgroups
