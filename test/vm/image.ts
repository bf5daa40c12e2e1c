// The guest's disk: a Debian root made once and kept in the cache, with the Node that made it and a key for root's account.

import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { execa } from 'execa'
import { type DebianRecipe, ensureDebianImage, unitsThatCostBootTime } from '../../vagrant/box/debian-image.ts'
import { guestModules, guestPackages } from './packages.ts'

export interface Image {
  disk: string
  kernel: string
  initrd: string
  /** Private key that root's account in the guest accepts. */
  sshKey: string
}

/** The Node that made the image: copied at boot it would cost 15 s each time. */
export const guestNode = '/opt/fairlead/node'

const recipe: DebianRecipe = {
  name: 'image',
  suite: 'bookworm',
  packages: guestPackages,
  files: {
    'etc/hostname': 'vm\n',
    'etc/fstab': '/dev/vda / ext4 defaults,noatime 0 0\n',
    'etc/systemd/network/10-eth0.network':
      '[Match]\nName=eth0\n[Network]\nAddress=10.0.2.15/24\nGateway=10.0.2.2\nLinkLocalAddressing=ipv6\nIPv6AcceptRA=no\n',
    'etc/modules-load.d/fairlead.conf': `${guestModules.join('\n')}\n`,
    'etc/initramfs-tools/modules': 'virtio_pci\nvirtio_blk\n',
    'etc/initramfs-tools/conf.d/list': 'MODULES=list\nCOMPRESS=lz4\n',
    'etc/ssh/sshd_config.d/fairlead.conf':
      'PermitRootLogin prohibit-password\nUseDNS no\nMaxSessions 100\nMaxStartups 100\n',
  },
  masked: unitsThatCostBootTime,
  enabled: ['systemd-networkd'],
  // Parts that need them start them: they change rules, and cost boot time.
  disabled: ['docker.service', 'docker.socket', 'containerd.service', 'ufw.service'],
  diskGigabytes: 4,
  inputs: process.version,
  finish: async (root, work) => {
    mkdirSync(join(root, guestNode, '..'), { recursive: true })
    copyFileSync(process.execPath, join(root, guestNode))
    await execa('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', 'fairlead-vm', '-f', join(work, 'id_ed25519')])
    mkdirSync(join(root, 'root/.ssh'), { mode: 0o700, recursive: true })
    writeFileSync(join(root, 'root/.ssh/authorized_keys'), readFileSync(join(work, 'id_ed25519.pub')), { mode: 0o600 })
  },
}

/** The image, made now if its inputs have changed since the last one. */
export async function ensureImage(cacheDir: string): Promise<Image> {
  const { dir, ...image } = await ensureDebianImage(cacheDir, recipe)
  return { ...image, sshKey: join(dir, 'id_ed25519') }
}
