// The kernel's list of mounts, of this process's mount namespace.

import { readFileSync } from 'node:fs'

/** Mount points at and below these directories, in the order they were mounted. */
export function listMountPoints(...directories: readonly string[]): string[] {
  return parseMountInfo(readFileSync('/proc/self/mountinfo', 'utf8')).filter((target) =>
    directories.some((directory) => target === directory || target.startsWith(`${directory}/`)),
  )
}

/** Field 5 of each line of mountinfo (proc(5)), in which space, tab, newline and backslash are octal escapes. */
export function parseMountInfo(text: string): string[] {
  const decode = (field: string) =>
    field.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)))
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => decode(line.split(' ')[4] ?? ''))
}
