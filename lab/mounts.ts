// Mounts that dead daemons left: overlay file systems of containers, tmpfs of volumes, network namespaces of sandboxes.

import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'

/** Unmounts everything below these directories, the deepest and latest first. */
export function removeMounts(...directories: string[]): void {
  for (const target of listMounts(directories).reverse()) execFileSync('umount', ['--lazy', '--no-mtab', target])
}

/** Mount points below the directories, in the order they were mounted. */
function listMounts(directories: string[]): string[] {
  // Field 5 of mountinfo (proc(5)), with space, tab, newline and backslash as octal escapes.
  const targets = readFileSync('/proc/self/mountinfo', 'utf8')
    .trim()
    .split('\n')
    .map((line) =>
      (line.split(' ')[4] ?? '').replace(/\\([0-7]{3})/g, (_, octal: string) =>
        String.fromCharCode(Number.parseInt(octal, 8)),
      ),
    )
  return targets.filter((target) =>
    directories.some((directory) => target === directory || target.startsWith(`${directory}/`)),
  )
}
