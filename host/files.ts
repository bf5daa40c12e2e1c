// Files that are there whole or not at all.

import { closeSync, fsyncSync, linkSync, mkdirSync, openSync, renameSync, rmSync, writeSync } from 'node:fs'
import { copyFile, rename, rm, symlink } from 'node:fs/promises'
import { dirname } from 'node:path'

/** Replaces a file at once. mode is for its owner's eyes only unless said otherwise. */
export function writeWhole(path: string, text: string, mode = 0o600): void {
  mkdirSync(dirname(path), { recursive: true })
  const temporary = `${path}.new`
  const descriptor = openSync(temporary, 'w', mode)
  try {
    writeSync(descriptor, text)
    fsyncSync(descriptor)
  } finally {
    closeSync(descriptor)
  }
  renameSync(temporary, path)
}

/** Replaces a file at once by a copy of another; programs that run from the old one go on with it. */
export async function replaceFile(source: string, path: string): Promise<void> {
  await copyFile(source, `${path}.new`)
  await rename(`${path}.new`, path)
}

/** Keeps a file under a second name, whatever takes the place of its first. */
export function linkFile(path: string, second: string): void {
  rmSync(second, { force: true })
  linkSync(path, second)
}

/** Makes or replaces a symbolic link at once. */
export async function writeLink(target: string, path: string): Promise<void> {
  mkdirSync(dirname(path), { recursive: true })
  await rm(`${path}.new`, { force: true })
  await symlink(target, `${path}.new`)
  await rename(`${path}.new`, path)
}
