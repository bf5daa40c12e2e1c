// The agent's door to mounts: tmpfs for what must not reach a disk, bind mounts for single files of volumes.

import { run } from '../../cni/linux/exec.ts'
import { listMountPoints } from '../../cni/linux/mounts.ts'

interface TmpfsOptions {
  /** Absent: half of the machine's memory, the kernel's own default. */
  sizeBytes?: number | undefined
  mode?: number
  /** Absent: root's. */
  gid?: number | undefined
}

/** Mounts a tmpfs unless one is there, which stays as it is. */
export async function ensureTmpfs(
  directory: string,
  { sizeBytes, mode = 0o755, gid }: TmpfsOptions = {},
): Promise<void> {
  if (listMountPoints(directory).includes(directory)) return
  const sized = sizeBytes === undefined ? [] : [`size=${sizeBytes}`]
  const owned = gid === undefined ? [] : [`gid=${gid}`]
  const options = [`mode=${mode.toString(8)}`, ...sized, ...owned]
  await run('mount', ['-t', 'tmpfs', '-o', options.join(','), 'tmpfs', directory])
}

/** Mounts the source, a file or directory, over the target. */
export async function bindMount(source: string, target: string): Promise<void> {
  await run('mount', ['--bind', source, target])
}

/** Unmounts everything at and below the directory, deepest first. Mounts still in use leave the tree at once, and the kernel when unused. */
export async function unmountBelow(directory: string): Promise<void> {
  await unmount(listMountPoints(directory))
}

/** The same without the directory itself, which may be a disk of the user's. */
export async function unmountInside(directory: string): Promise<void> {
  await unmount(listMountPoints(directory).filter((target) => target !== directory))
}

async function unmount(targets: readonly string[]): Promise<void> {
  for (const target of targets.toReversed()) await run('umount', ['--lazy', '--no-mtab', target])
}
