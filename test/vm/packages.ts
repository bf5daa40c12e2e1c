// Debian packages: what the host needs to make and run the machine, and what is inside it.

/** Needed on the host for `scripts/test vm` alone, so scripts/setup leaves them out. */
export const hostPackages = ['qemu-system-x86', 'qemu-utils', 'debootstrap', 'e2fsprogs', 'openssh-client']

/** What the guest has beside debootstrap's minbase. A part that needs more adds it here; the image is then made anew. */
export const guestPackages = [
  'systemd',
  'systemd-sysv',
  'dbus',
  'udev',
  'kmod',
  'procps',
  'openssh-server',
  'linux-image-cloud-amd64',
  // For Node.
  'libstdc++6',
  'libatomic1',
  'iproute2',
  'iputils-ping',
  'iptables',
  'nftables',
  'ipvsadm',
  'ipset',
  'conntrack',
  'ethtool',
  'socat',
  // For the prober of the packet suite.
  'python3-minimal',
  'libpython3-stdlib',
  'curl',
  'tcpdump',
  'iperf3',
  'wireguard-tools',
  // For hosts of one's own: Docker, and a firewall beside it. Neither runs until a part starts it.
  'docker.io',
  'ufw',
  // For images made of what the guest has.
  'busybox-static',
]

/** Kernel modules loaded at boot. */
export const guestModules = [
  'ip_vs',
  ...['rr', 'lc', 'dh', 'sh', 'sed', 'nq'].map((scheduler) => `ip_vs_${scheduler}`),
  'dummy',
  'sctp',
  'vxlan',
  'sch_netem',
  'wireguard',
  'br_netfilter',
  'nf_conntrack',
]
