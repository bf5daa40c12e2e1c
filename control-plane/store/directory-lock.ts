// One process at a time per data directory. The lock is the kernel's (flock), so it goes with its process, however that
// ends, and never has to be broken by hand. Node has no flock call: the flock program of util-linux, which Debian cannot
// be without, locks the open file that it inherits, and the lock stays with this process's descriptor of that file.

import { spawnSync } from 'node:child_process'
import { closeSync, ftruncateSync, openSync, readFileSync, writeSync } from 'node:fs'
import { join } from 'node:path'

/** The directory is in use. */
export class DirectoryLockedError extends Error {
  readonly code = 'DIRECTORY_LOCKED'

  constructor(directory: string, owner: string) {
    super(`the data directory ${directory} is in use by another process${owner === '' ? '' : ` (pid ${owner})`}`)
  }
}

/** Holds the directory until release or the end of the process. Throws DirectoryLockedError. */
export function lockDirectory(directory: string): { release(): void } {
  const file = join(directory, 'lock')
  const descriptor = openSync(file, 'a+', 0o600)
  try {
    const { status, error } = spawnSync('flock', ['--nonblock', '3'], {
      stdio: ['ignore', 'ignore', 'ignore', descriptor],
    })
    if (error !== undefined) throw new Error('cannot run flock (package util-linux)', { cause: error })
    if (status !== 0) throw new DirectoryLockedError(directory, readFileSync(file, 'utf8').trim())
    ftruncateSync(descriptor)
    writeSync(descriptor, `${process.pid}\n`)
  } catch (error) {
    closeSync(descriptor)
    throw error
  }
  return { release: () => closeSync(descriptor) }
}
