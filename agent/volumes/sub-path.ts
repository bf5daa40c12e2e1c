// subPath: one file or directory of a volume, bound so that no symlink in it, also none that a container swaps in at the
// last moment, leads out of the volume. Each component is opened without following links, below the one before it; then
// the descriptor, not the path, is mounted.

import { constants } from 'node:fs'
import { type FileHandle, mkdir, open, realpath, rm, rmdir, stat, writeFile } from 'node:fs/promises'
import { dirname, join, relative } from 'node:path'
import { hasCode, ifMissing } from '../../cni/linux/system-error.ts'
import { bindMount, unmountBelow } from './mount-points.ts'
import { ConfigError } from './objects.ts'

/** Makes target a fresh mount of volume/subPath; a path that is not there becomes a directory. Throws ConfigError on escape. */
export async function ensureSubPath(volume: string, subPath: string, target: string): Promise<void> {
  if (subPath.startsWith('/') || subPath.split('/').includes('..'))
    throw new ConfigError(`subPath ${JSON.stringify(subPath)} must be relative to the volume, without ".."`)
  // A mount from the container's last life may show a file that an update has replaced since.
  await unmountBelow(target)
  const handle = await openBelow(await realpath(volume), subPath)
  try {
    await makeTarget(target, (await handle.stat()).isDirectory())
    await bindMount(`/proc/${process.pid}/fd/${handle.fd}`, target)
  } finally {
    await handle.close()
  }
}

async function openBelow(root: string, subPath: string): Promise<FileHandle> {
  // Links inside the volume are fine (a ConfigMap's files are such): resolved first, then walked without links.
  const resolved = await realpath(join(root, subPath)).catch(() => join(root, subPath))
  const inside = relative(root, resolved)
  if (inside === '..' || inside.startsWith('../'))
    throw new ConfigError(`subPath ${JSON.stringify(subPath)} leads out of its volume`)
  let handle = await open(root, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW)
  // What is made is for those who can use the volume.
  const mode = (await handle.stat()).mode & 0o7777
  for (const component of inside.split('/').filter((part) => part !== '')) {
    const parent = handle
    try {
      handle = await openChild(parent, component, { subPath, mode })
    } finally {
      await parent.close()
    }
  }
  return handle
}

/** mode: of a directory that is made. */
async function openChild(
  parent: FileHandle,
  component: string,
  { subPath, mode }: { subPath: string; mode: number },
): Promise<FileHandle> {
  const path = `/proc/self/fd/${parent.fd}/${component}`
  const isMade = await mkdir(path, 0o750).then(
    () => true,
    (error: unknown) => {
      // What is there may be something else than a directory: open says so.
      if (hasCode(error, 'EEXIST')) return false
      throw error
    },
  )
  const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK
  const handle = await open(path, flags).catch((error: unknown) => {
    throw new ConfigError(`subPath ${JSON.stringify(subPath)} cannot be opened without following links`, {
      cause: error,
    })
  })
  // By the descriptor, against the umask; a container may have put something else in its place.
  if (isMade && (await handle.stat()).isDirectory()) await handle.chmod(mode)
  return handle
}

async function makeTarget(target: string, isDirectory: boolean): Promise<void> {
  const present = await stat(target).catch(ifMissing(undefined)) // the first time
  if (present !== undefined && present.isDirectory() !== isDirectory) await (isDirectory ? rm(target) : rmdir(target))
  if (isDirectory) {
    await mkdir(target, { recursive: true })
    return
  }
  await mkdir(dirname(target), { recursive: true })
  await writeFile(target, '', { flag: 'a' })
}
