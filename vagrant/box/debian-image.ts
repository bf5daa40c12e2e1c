// Disks of Debian machines, made by debootstrap from Debian packages alone and kept in a cache under a name that follows from
// their recipe. There is no boot loader: kernel and initrd lie beside the disk and are given to QEMU.

import { createHash } from 'node:crypto'
import { existsSync, globSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { run } from '../../cni/linux/exec.ts'
import { step } from '../../host/progress.ts'

export interface DebianRecipe {
  /** What progress lines call it, and the first word of its folder in the cache. */
  name: string
  /** A Debian release, such as bookworm. */
  suite: string
  /** Beside debootstrap's minbase. */
  packages: readonly string[]
  /** Files that the machine has beside its packages': path below the root, text. */
  files: Readonly<Record<string, string>>
  masked: readonly string[]
  enabled: readonly string[]
  /** Enabled by their packages, and not wanted. */
  disabled?: readonly string[]
  diskGigabytes: number
  /** What `finish` depends on beside its own text: with other inputs the image is made anew. */
  inputs?: unknown
  /** Changes the root before it becomes a disk. What it writes into `work` lies beside the disk afterwards. */
  finish(root: string, work: string): Promise<void>
}

export interface DebianImage {
  /** Has all files of the image. */
  dir: string
  /** An ext4 file system without a partition table. */
  disk: string
  kernel: string
  initrd: string
}

/** Units that only cost boot time in a machine that lives for a test. */
export const unitsThatCostBootTime = [
  'apt-daily.timer',
  'apt-daily-upgrade.timer',
  'dpkg-db-backup.timer',
  'e2scrub_all.timer',
  'e2scrub_reap.service',
  'fstrim.timer',
  'getty@tty1.service',
  'systemd-networkd-wait-online.service',
]

/** The image, made now if this recipe has none yet; images of other recipes of the same name are removed. Needs root. */
export async function ensureDebianImage(cacheDir: string, recipe: DebianRecipe): Promise<DebianImage> {
  const inputs = JSON.stringify([recipe, String(recipe.finish)])
  const key = createHash('sha256').update(inputs).digest('hex').slice(0, 12)
  const dir = join(cacheDir, `${recipe.name}-${key}`)
  if (!existsSync(dir)) await makeImage(cacheDir, dir, recipe)
  return { dir, disk: join(dir, 'disk.raw'), kernel: join(dir, 'vmlinuz'), initrd: join(dir, 'initrd.img') }
}

/** Works beside the final place and renames at the end, so that a killed run leaves no half image. */
async function makeImage(cacheDir: string, dir: string, recipe: DebianRecipe): Promise<void> {
  const { name, diskGigabytes } = recipe
  for (const old of globSync(join(cacheDir, `${name}-*`))) rmSync(old, { recursive: true, force: true })
  const work = join(cacheDir, `${name}-unfinished`)
  const root = join(work, 'root')
  mkdirSync(root, { recursive: true })
  await step(`${name}: Debian packages (debootstrap, a minute or two)`, () => bootstrap(root, recipe))
  await step(`${name}: settings, initrd`, () => configure(root, work, recipe))
  await step(`${name}: disk`, () => makeDisk(root, join(work, 'disk.raw'), diskGigabytes))
  rmSync(root, { recursive: true })
  renameSync(work, dir)
}

async function bootstrap(root: string, { suite, packages }: DebianRecipe): Promise<void> {
  const include = `--include=${packages.join(',')}`
  // Its mounts below the new root must not outlive a killed run, which would remove what is mounted there.
  const inOwnMounts = ['--mount', '--propagation', 'private', 'debootstrap']
  await run('unshare', [...inOwnMounts, '--variant=minbase', include, suite, root, 'http://deb.debian.org/debian'])
}

async function configure(root: string, work: string, recipe: DebianRecipe): Promise<void> {
  for (const [path, text] of Object.entries(recipe.files)) {
    mkdirSync(join(root, path, '..'), { recursive: true })
    writeFileSync(join(root, path), text)
  }
  await recipe.finish(root, work)
  const { masked, enabled, disabled = [] } = recipe
  for (const [verb, units] of Object.entries({ mask: masked, disable: disabled, enable: enabled }))
    if (units.length > 0) await runInside(root, 'systemctl', verb, ...units)
  await runInside(root, 'update-initramfs', '-u', '-k', 'all')
  takeOut(root, 'vmlinuz-*', join(work, 'vmlinuz'))
  takeOut(root, 'initrd.img-*', join(work, 'initrd.img'))
}

/** Runs a program of the new root in it. */
export async function runInside(root: string, program: string, ...args: string[]): Promise<string> {
  return await run('chroot', [root, program, ...args])
}

function takeOut(root: string, pattern: string, target: string): void {
  const [found] = globSync(join(root, 'boot', pattern))
  if (found === undefined) throw new Error(`the packages brought no /boot/${pattern}: is a linux-image among them?`)
  renameSync(found, target)
}

async function makeDisk(root: string, disk: string, gigabytes: number): Promise<void> {
  rmSync(join(root, 'var/cache/apt'), { recursive: true, force: true })
  rmSync(join(root, 'var/lib/apt/lists'), { recursive: true, force: true })
  await run('mke2fs', ['-q', '-t', 'ext4', '-d', root, disk, `${gigabytes}G`])
}
