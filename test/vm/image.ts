// The guest's disk: a Debian root made by debootstrap once, kept in the cache under a name that follows from its inputs.
// There is no boot loader: kernel and initrd lie beside the disk and are given to QEMU.

import { createHash } from 'node:crypto'
import { copyFileSync, existsSync, globSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { execa } from 'execa'
import { step } from '../../lab/progress.ts'
import { guestModules, guestPackages } from './packages.ts'

export interface Image {
  disk: string
  kernel: string
  initrd: string
  /** Private key that root's account in the guest accepts. */
  sshKey: string
}

/** Files that the guest has beside its packages'. */
const guestFiles: Record<string, string> = {
  'etc/hostname': 'vm\n',
  'etc/fstab': '/dev/vda / ext4 defaults,noatime 0 0\n',
  'etc/systemd/network/10-eth0.network':
    '[Match]\nName=eth0\n[Network]\nAddress=10.0.2.15/24\nGateway=10.0.2.2\nLinkLocalAddressing=ipv6\nIPv6AcceptRA=no\n',
  'etc/modules-load.d/fairlead.conf': `${guestModules.join('\n')}\n`,
  'etc/initramfs-tools/modules': 'virtio_pci\nvirtio_blk\n',
  'etc/initramfs-tools/conf.d/list': 'MODULES=list\nCOMPRESS=lz4\n',
  'etc/ssh/sshd_config.d/fairlead.conf':
    'PermitRootLogin prohibit-password\nUseDNS no\nMaxSessions 100\nMaxStartups 100\n',
}

/** Units that only cost boot time. */
const masked = [
  'apt-daily.timer',
  'apt-daily-upgrade.timer',
  'dpkg-db-backup.timer',
  'e2scrub_all.timer',
  'e2scrub_reap.service',
  'fstrim.timer',
  'getty@tty1.service',
  'systemd-networkd-wait-online.service',
]

const diskGigabytes = 4

/** The Node that made the image: copied at boot it would cost 15 s each time. */
export const guestNode = '/opt/fairlead/node'

/** The image, made now if these inputs have none yet; images of other inputs are removed. */
export async function ensureImage(cacheDir: string, suite = 'bookworm'): Promise<Image> {
  const inputs = [suite, guestPackages, guestModules, guestFiles, masked, diskGigabytes, process.version]
  const key = createHash('sha256').update(JSON.stringify(inputs)).digest('hex').slice(0, 12)
  const dir = join(cacheDir, `image-${key}`)
  if (!existsSync(dir)) await makeImage(cacheDir, dir, suite)
  return {
    disk: join(dir, 'disk.raw'),
    kernel: join(dir, 'vmlinuz'),
    initrd: join(dir, 'initrd.img'),
    sshKey: join(dir, 'id_ed25519'),
  }
}

/** Works beside the final place and renames at the end, so that a killed run leaves no half image. */
async function makeImage(cacheDir: string, dir: string, suite: string): Promise<void> {
  for (const old of globSync(join(cacheDir, 'image-*'))) rmSync(old, { recursive: true, force: true })
  const work = join(cacheDir, 'image-unfinished')
  const root = join(work, 'root')
  mkdirSync(root, { recursive: true })
  await step('vm image: Debian packages (debootstrap, a minute or two)', () => bootstrap(root, suite))
  await step('vm image: settings, initrd', () => configure(root, work))
  await step('vm image: disk', () => makeDisk(root, work))
  rmSync(root, { recursive: true })
  renameSync(work, dir)
}

async function bootstrap(root: string, suite: string): Promise<void> {
  const include = `--include=${guestPackages.join(',')}`
  // Its mounts below the new root must not outlive a killed run, which would remove what is mounted there.
  const inOwnMounts = ['--mount', '--propagation', 'private', 'debootstrap']
  await execa('unshare', [...inOwnMounts, '--variant=minbase', include, suite, root, 'http://deb.debian.org/debian'])
}

async function configure(root: string, work: string): Promise<void> {
  for (const [path, text] of Object.entries(guestFiles)) {
    mkdirSync(join(root, path, '..'), { recursive: true })
    writeFileSync(join(root, path), text)
  }
  mkdirSync(join(root, guestNode, '..'), { recursive: true })
  copyFileSync(process.execPath, join(root, guestNode))
  await execa('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', 'fairlead-vm', '-f', join(work, 'id_ed25519')])
  mkdirSync(join(root, 'root/.ssh'), { mode: 0o700, recursive: true })
  writeFileSync(join(root, 'root/.ssh/authorized_keys'), readFileSync(join(work, 'id_ed25519.pub')), { mode: 0o600 })
  const inGuest = (...command: string[]) => execa('chroot', [root, ...command])
  await inGuest('systemctl', 'mask', ...masked)
  await inGuest('systemctl', 'disable', 'docker.service', 'docker.socket', 'containerd.service', 'ufw.service')
  await inGuest('systemctl', 'enable', 'systemd-networkd')
  await inGuest('update-initramfs', '-u', '-k', 'all')
  for (const [from, to] of [
    ['vmlinuz-*', 'vmlinuz'],
    ['initrd.img-*', 'initrd.img'],
  ] as const) {
    const [found] = globSync(join(root, 'boot', from))
    if (found === undefined) throw new Error(`the guest's packages brought no ${to}`)
    renameSync(found, join(work, to))
  }
}

async function makeDisk(root: string, work: string): Promise<void> {
  rmSync(join(root, 'var/cache/apt'), { recursive: true, force: true })
  rmSync(join(root, 'var/lib/apt/lists'), { recursive: true, force: true })
  await execa('mke2fs', ['-q', '-t', 'ext4', '-d', root, join(work, 'disk.raw'), `${diskGigabytes}G`])
}
