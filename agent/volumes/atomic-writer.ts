// Writes a payload so that readers see all of the old files or all of the new ones: the files are in a directory of their
// own, ..data is a symlink to it that is swapped by rename, and each visible name is a symlink through ..data.

import {
  chmod,
  chown,
  lstat,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  readlink,
  rename,
  rm,
  symlink,
  writeFile,
} from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { ifMissing } from '../../cni/linux/system-error.ts'
import type { Payload, PayloadFile } from './payload.ts'

const dataLink = '..data'

/** Makes the directory hold the payload. Returns false when it did already. */
export async function writePayload(directory: string, payload: Payload, fsGroup?: number): Promise<boolean> {
  const names = new Set([...payload.keys()].map((path) => path.split('/')[0] ?? path))
  const old = await readlink(join(directory, dataLink)).catch(ifMissing(undefined)) // absent at first
  if (old !== undefined && (await holds(directory, payload))) {
    // A write that was killed after the swap has not made all visible names, nor taken away all of the old.
    for (const name of names) await ensureLink(directory, name)
    await removeStale(directory, names, old)
    return false
  }
  const fresh = await mkdtemp(join(directory, '..'.concat(new Date().toISOString().replace(/[:.]/g, '_'), '.')))
  await chmod(fresh, 0o755)
  for (const [path, file] of payload) await writeOne(join(fresh, path), file, fsGroup)
  const next = join(directory, '..data_tmp')
  await rm(next, { force: true })
  await symlink(fresh.slice(directory.length + 1), next)
  await rename(next, join(directory, dataLink))
  for (const name of names) await ensureLink(directory, name)
  await removeStale(directory, names, fresh.slice(directory.length + 1))
  return true
}

async function writeOne(
  path: string,
  { data, mode, owner = 0 }: PayloadFile,
  fsGroup: number | undefined,
): Promise<void> {
  await mkdir(dirname(path), { recursive: true })
  // Nobody else's to read until it has its mode.
  await writeFile(path, data, { mode: 0o600 })
  // The group must be able to read whatever the mode says.
  await chmod(path, fsGroup === undefined ? mode : mode | ((mode & 0o400) >> 3) | 0o040)
  if (fsGroup !== undefined || owner !== 0) await chown(path, owner, fsGroup ?? 0)
}

async function ensureLink(directory: string, name: string): Promise<void> {
  const path = join(directory, name)
  if ((await lstat(path).catch(ifMissing(undefined))) !== undefined) return
  await symlink(join(dataLink, name), path)
}

/** Removes names that the payload no longer has, and what an interrupted write left. */
async function removeStale(directory: string, names: Set<string>, current: string): Promise<void> {
  for (const name of await readdir(directory)) {
    if (names.has(name) || name === dataLink || name === current) continue
    await rm(join(directory, name), { recursive: true, force: true })
  }
}

/** Whether a volume has just these files. One that cannot be read is written anew, and that says what is wrong. */
async function holds(directory: string, payload: Payload): Promise<boolean> {
  const root = join(directory, dataLink)
  const present = await listFiles(root).catch(() => undefined) // it does not, then
  if (present === undefined || present.length !== payload.size) return false
  for (const [path, { data }] of payload) {
    const content = await readFile(join(root, path)).catch(() => undefined) // it does not, then
    if (content === undefined || !content.equals(data)) return false
  }
  return true
}

async function listFiles(root: string): Promise<string[]> {
  const entries = await readdir(root, { recursive: true, withFileTypes: true })
  return entries.filter((entry) => entry.isFile()).map(({ name }) => name)
}
