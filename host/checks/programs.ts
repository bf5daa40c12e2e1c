import { existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'

/** Whether a program of this name is on the path, or where a root's shell without a login would not look. */
export function isProgram(name: string): boolean {
  const folders = [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin', '/sbin']
  return folders.some((folder) => existsSync(join(folder, name)))
}
