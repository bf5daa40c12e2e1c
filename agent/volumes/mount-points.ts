// The agent's door to mounts: tmpfs for what must not reach a disk, bind mounts for single files of volumes.

import { readFile } from 'node:fs/promises'
import { run } from '../../cni/linux/exec.ts'

/** Mounts a tmpfs unless one is there. Without sizeBytes it may take half of the machine's memory, the kernel's own default. */
export async function ensureTmpfs(directory: string, sizeBytes?: number, mode = '0755'): Promise<void> {
  if ((await listMountPoints(directory)).includes(directory)) return
  const options = [`mode=${mode}`, ...(sizeBytes === undefined ? [] : [`size=${sizeBytes}`])]
  await run('mount', ['-t', 'tmpfs', '-o', options.join(','), 'tmpfs', directory])
}

/** Mounts the source, a file or directory, over the target. */
export async function bindMount(source: string, target: string): Promise<void> {
  await run('mount', ['--bind', source, target])
}

/** Unmounts everything at and below the directory, deepest first. Mounts still in use leave the tree at once, and the kernel when unused. */
export async function unmountBelow(directory: string): Promise<void> {
  for (const target of (await listMountPoints(directory)).reverse())
    await run('umount', ['--lazy', '--no-mtab', target])
}

/** Mount points at and below the directory, in the order they were mounted. */
export async function listMountPoints(directory: string): Promise<string[]> {
  // Field 5 of mountinfo (proc(5)), with space, tab, newline and backslash as octal escapes.
  const lines = (await readFile('/proc/self/mountinfo', 'utf8')).trim().split('\n')
  const decode = (text: string) =>
    text.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)))
  const targets = lines.map((line) => decode(line.split(' ')[4] ?? ''))
  return targets.filter((target) => target === directory || target.startsWith(`${directory}/`))
}
