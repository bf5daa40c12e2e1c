// What is in the box: Debian 12 as a box of the catalogue has it, with the packages that a node needs, since a machine without
// a way to a catalogue may have none to a mirror either.

import { globSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { run } from '../../cni/linux/exec.ts'
import { type DebianRecipe, runInside, unitsThatCostBootTime } from './debian-image.ts'

const packages = [
  ...['systemd', 'systemd-sysv', 'dbus', 'udev', 'kmod', 'procps', 'libnss-myhostname', 'linux-image-cloud-amd64'],
  ...['openssh-server', 'sudo', 'curl', 'ca-certificates', 'iproute2', 'iputils-ping'],
  // For the demo's image.
  'busybox-static',
  // Without what it recommends: AppArmor, whose profiles take half a minute at an emulated boot, is off (see box.ts).
  'docker.io',
  ...['iptables', 'nftables', 'ipset', 'ipvsadm', 'conntrack', 'ethtool', 'socat', 'wireguard-tools'],
]

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
  'etc/systemd/network/10-eth0.network': '[Match]\nName=eth0\n[Network]\nDHCP=ipv4\n[DHCPv4]\nClientIdentifier=mac\n',
  'etc/systemd/system/host-keys.service': hostKeysUnit,
  'etc/initramfs-tools/modules': 'virtio_pci\nvirtio_blk\nvirtio_net\n',
  'etc/initramfs-tools/conf.d/list': 'MODULES=list\nCOMPRESS=lz4\n',
  'etc/ssh/sshd_config.d/vagrant.conf':
    'UseDNS no\nHostKey /etc/ssh/ssh_host_ecdsa_key\nHostKey /etc/ssh/ssh_host_ed25519_key\n',
  'etc/sudoers.d/vagrant': 'vagrant ALL=(ALL) NOPASSWD: ALL\n',
}

/** The private key, beside the disk. */
export const sshKeyName = 'vagrant_key'

/** The disk of the box. */
export const boxRecipe: DebianRecipe = {
  name: 'box',
  suite: 'bookworm',
  packages,
  files,
  // ipvsadm's unit would load rules that somebody saved; sessions of users need no manager here.
  masked: [...unitsThatCostBootTime, 'ipvsadm.service', 'systemd-logind.service'],
  enabled: ['systemd-networkd', 'host-keys', 'docker'],
  diskGigabytes: 10,
  finish: async (root, work) => {
    await runInside(root, 'useradd', '--create-home', '--shell', '/bin/bash', 'vagrant')
    // A key pair of this box's own, in it: the one that everybody knows would be replaced at each first boot, which takes minutes
    // under emulation. RSA: Ruby's net-ssh 7.0 reads no ed25519 key without further packages, and falls over ECDSA ones.
    const key = join(work, sshKeyName)
    await run('ssh-keygen', ['-q', '-t', 'rsa', '-m', 'PEM', '-N', '', '-C', 'fairlead-box', '-f', key])
    mkdirSync(join(root, 'home/vagrant/.ssh'), { mode: 0o700 })
    writeFileSync(join(root, 'home/vagrant/.ssh/authorized_keys'), readFileSync(`${key}.pub`), { mode: 0o600 })
    await runInside(root, 'chown', '-R', 'vagrant:vagrant', '/home/vagrant/.ssh')
    for (const hostKey of globSync(join(root, 'etc/ssh/ssh_host_*'))) rmSync(hostKey)
    // Empty: each machine gets an id at its first boot, without being asked the questions of a first boot.
    writeFileSync(join(root, 'etc/machine-id'), '')
    // D-Bus made one as it was installed, and systemd would take that for all machines.
    rmSync(join(root, 'var/lib/dbus/machine-id'), { force: true })
    // The resolver of vagrant-libvirt's own network: systemd-networkd alone does not write down what DHCP says.
    rmSync(join(root, 'etc/resolv.conf'), { force: true })
    writeFileSync(join(root, 'etc/resolv.conf'), 'nameserver 192.168.121.1\n')
  },
}
