// What is in the box: Debian 12 as a box of the catalogue has it, with the packages that a node needs, since a machine without
// a way to a catalogue may have none to a mirror either.

import { globSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type DebianRecipe, runInside, unitsThatCostBootTime } from './debian-image.ts'

const packages = [
  ...['systemd', 'systemd-sysv', 'dbus', 'udev', 'kmod', 'procps', 'libnss-myhostname', 'linux-image-cloud-amd64'],
  ...['openssh-server', 'sudo', 'curl', 'ca-certificates', 'iproute2', 'iputils-ping'],
  // docker.io without what it recommends; with AppArmor on, as Debian's kernel has it, it needs apparmor_parser.
  ...['docker.io', 'apparmor'],
  ...['iptables', 'nftables', 'ipset', 'ipvsadm', 'conntrack', 'ethtool', 'socat', 'wireguard-tools'],
]

/** The key pair is public: Vagrant knows it and puts one of its own in its place at the first boot. */
const vagrantPublicKey =
  'ssh-rsa AAAAB3NzaC1yc2EAAAABIwAAAQEA6NF8iallvQVp22WDkTkyrtvp9eWW6A8YVr+kz4TjGYe7gHzIw+niNltGEFHzD8+v1I2YJ6oXevct1YeS0o9HZyN1Q9qgCgzUFtdOKLv6IedplqoPkcmF0aYet2PkEDo3MlTBckFXPITAMzF8dJSIFo9D8HfdOV0IAdx4O7PtixWKn5y2hMNG0zQPyUecp4pzC6kivAIhyfHilFR61RGL+GPXQ2MWZWFYbAGjyiYJnAmCP3NOTd0jMZEnDkbUvxhMmBYSdETk1rRgm+R4LOzFUGaHqHDLKLX+FIPKcF96hrucXzcWyLbIbEgE98OHlnVYCzRdK8jlqm8tehUc9c9WhQ== vagrant insecure public key\n'

/** Each machine makes its own host keys, before sshd asks for them. */
const hostKeysUnit = `[Unit]
Description=Host keys of this machine
Before=ssh.service
ConditionPathExists=!/etc/ssh/ssh_host_ed25519_key
[Service]
Type=oneshot
ExecStart=/usr/bin/ssh-keygen -q -t ecdsa -N "" -f /etc/ssh/ssh_host_ecdsa_key
ExecStart=/usr/bin/ssh-keygen -q -t ed25519 -N "" -f /etc/ssh/ssh_host_ed25519_key
[Install]
WantedBy=multi-user.target
`

const files: Record<string, string> = {
  'etc/hostname': 'debian\n',
  'etc/hosts': '127.0.0.1 localhost\n::1 localhost\n',
  'etc/fstab': '/dev/vda / ext4 defaults,noatime 0 0\n',
  // The network by which Vagrant reaches the machine. It writes a file of its own for the private network.
  'etc/systemd/network/10-eth0.network': '[Match]\nName=eth0\n[Network]\nDHCP=ipv4\n',
  'etc/systemd/system/host-keys.service': hostKeysUnit,
  'etc/initramfs-tools/modules': 'virtio_pci\nvirtio_blk\nvirtio_net\n',
  'etc/initramfs-tools/conf.d/list': 'MODULES=list\nCOMPRESS=lz4\n',
  'etc/ssh/sshd_config.d/vagrant.conf':
    'UseDNS no\nHostKey /etc/ssh/ssh_host_ecdsa_key\nHostKey /etc/ssh/ssh_host_ed25519_key\n',
  'etc/sudoers.d/vagrant': 'vagrant ALL=(ALL) NOPASSWD: ALL\n',
}

/** The disk of the box. */
export const boxRecipe: DebianRecipe = {
  name: 'box',
  suite: 'bookworm',
  packages,
  files,
  masked: unitsThatCostBootTime,
  enabled: ['systemd-networkd', 'host-keys', 'docker'],
  diskGigabytes: 10,
  inputs: vagrantPublicKey,
  finish: async (root) => {
    await runInside(root, 'useradd', '--create-home', '--shell', '/bin/bash', 'vagrant')
    mkdirSync(join(root, 'home/vagrant/.ssh'), { mode: 0o700 })
    writeFileSync(join(root, 'home/vagrant/.ssh/authorized_keys'), vagrantPublicKey, { mode: 0o600 })
    await runInside(root, 'chown', '-R', 'vagrant:vagrant', '/home/vagrant/.ssh')
    for (const key of globSync(join(root, 'etc/ssh/ssh_host_*'))) rmSync(key)
    // Empty: each machine gets an id at its first boot, without being asked the questions of a first boot.
    writeFileSync(join(root, 'etc/machine-id'), '')
    // The resolver of vagrant-libvirt's own network: systemd-networkd alone does not write down what DHCP says.
    rmSync(join(root, 'etc/resolv.conf'), { force: true })
    writeFileSync(join(root, 'etc/resolv.conf'), 'nameserver 192.168.121.1\n')
  },
}
