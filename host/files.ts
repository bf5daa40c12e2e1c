// Files that are there whole or not at all.

import { mkdirSync } from 'node:fs'
import { copyFile, open, rename, rm, symlink } from 'node:fs/promises'
import { dirname } from 'node:path'
import { temporaryOf, writeDurably } from '../api/files/durable-file.ts'

/** Replaces a file at once and for good; its folder is made. mode is for its owner's eyes only unless said otherwise. */
export function writeWhole(path: string, text: string, mode = 0o600): void {
  mkdirSync(dirname(path), { recursive: true })
  writeDurably(path, text, mode)
}

/** Replaces a file at once by a copy of another; programs that run from the old one go on with it. Of a copy that fails nothing stays. */
export async function replaceFile(source: string, path: string, mode: number): Promise<void> {
  const temporary = temporaryOf(path)
  try {
    await copyFile(source, temporary)
    await using file = await open(temporary, 'r+')
    await file.chmod(mode)
    await file.sync()
    await rename(temporary, path)
  } catch (error) {
    await rm(temporary, { force: true })
    throw error
  }
}

/** Makes or replaces a symbolic link at once. */
export async function writeLink(target: string, path: string): Promise<void> {
  mkdirSync(dirname(path), { recursive: true })
  const temporary = temporaryOf(path)
  await rm(temporary, { force: true })
  await symlink(target, temporary)
  await rename(temporary, path)
}
