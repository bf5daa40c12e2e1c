// Files whose content is the old one or the new, also after the power went in the midst.

import { closeSync, fchmodSync, fsyncSync, openSync, renameSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'

/** Where the new content lies until it takes its place; a process that is killed meanwhile leaves it. */
export const temporaryOf = (path: string) => `${path}.new`

/** Replaces a file at once and for good. Its folder must be there. */
export function writeDurably(path: string, text: string, mode: number): void {
  writeReady(path, text, mode)
  putInPlace(path)
}

/** Puts the new content beside the file; it is on the disk when this returns. */
export function writeReady(path: string, text: string, mode: number): void {
  const descriptor = openSync(temporaryOf(path), 'w', mode)
  try {
    // One that a crash has left keeps its own mode, and the process may have a umask.
    fchmodSync(descriptor, mode)
    writeFileSync(descriptor, text)
    fsyncSync(descriptor)
  } finally {
    closeSync(descriptor)
  }
  syncFolder(dirname(path))
}

/** Gives what writeReady wrote its place. */
export function putInPlace(path: string): void {
  renameSync(temporaryOf(path), path)
  syncFolder(dirname(path))
}

/** A name is on the disk when its folder is. */
function syncFolder(path: string): void {
  const descriptor = openSync(path, 'r')
  try {
    fsyncSync(descriptor)
  } finally {
    closeSync(descriptor)
  }
}
