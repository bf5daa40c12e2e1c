// Native parts inside the executable. The dynamic loader wants a file: it gets one without a name, which nobody else can open or
// change, and which is gone with the process.

import { closeSync, constants, openSync, unlinkSync, writeSync } from 'node:fs'
import { getRawAsset } from 'node:sea'

/** Places for the file, best first. One may be mounted noexec, or not be there. */
const directories = ['/var/tmp', '/tmp', '/dev/shm']

/** What packages with a native part call instead of searching their own folder; lmdb has the only one. Throws when no place will do. */
export function loadAddon(): object {
  const failures: unknown[] = []
  for (const directory of directories) {
    try {
      return loadFrom(directory)
    } catch (error) {
      failures.push(error)
    }
  }
  throw new AggregateError(
    failures,
    `cannot load lmdb's native part from ${directories.join(', ')}: one of them must be writable and not mounted noexec`,
  )
}

function loadFrom(directory: string): object {
  const file = openUnnamed(directory)
  try {
    const bytes = Buffer.from(getRawAsset('lmdb.node'))
    for (let at = 0; at < bytes.length; ) at += writeSync(file, bytes, at)
    const module = { exports: {} }
    process.dlopen(module, `/proc/self/fd/${file}`)
    return module.exports
  } finally {
    closeSync(file)
  }
}

function openUnnamed(directory: string): number {
  const path = `${directory}/.fairlead-${process.pid}-${process.hrtime.bigint()}`
  const { O_RDWR, O_CREAT, O_EXCL, O_NOFOLLOW } = constants
  const file = openSync(path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW, 0o700)
  unlinkSync(path)
  return file
}
