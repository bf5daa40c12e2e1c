// hostPath volumes: a path of the node, checked or made by its type.
// https://kubernetes.io/docs/concepts/storage/volumes/#hostpath-volume-types

import type { Stats } from 'node:fs'
import { mkdir, open, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { HostPathVolumeSource } from '../../api/generated/types.ts'
import { ifMissing } from '../../cni/linux/system-error.ts'
import { ConfigError } from './objects.ts'

const checks: Record<string, { isOne: (stats: Stats) => boolean; noun: string }> = {
  Directory: { isOne: (stats) => stats.isDirectory(), noun: 'a directory' },
  File: { isOne: (stats) => stats.isFile(), noun: 'a file' },
  Socket: { isOne: (stats) => stats.isSocket(), noun: 'a socket file' },
  CharDevice: { isOne: (stats) => stats.isCharacterDevice(), noun: 'a character device' },
  BlockDevice: { isOne: (stats) => stats.isBlockDevice(), noun: 'a block device' },
}

/** Makes sure that the path is what its type says. Throws ConfigError. */
export async function ensureHostPath({ path, type = '' }: HostPathVolumeSource): Promise<void> {
  // Without a type nothing is checked; the runtime would refuse a bind mount of nothing, Kubernetes makes a directory.
  if (type === '' || type === 'DirectoryOrCreate')
    await createUnlessThere(path, () => mkdir(path, { recursive: true, mode: 0o755 }))
  if (type === 'FileOrCreate') await createUnlessThere(path, () => touch(path))
  const check = checks[type.replace('OrCreate', '')]
  if (check === undefined) return
  const stats = await stat(path).catch((error: unknown) => {
    throw new ConfigError(`hostPath type check failed: ${path} is not ${check.noun}`, { cause: error })
  })
  if (!check.isOne(stats)) throw new ConfigError(`hostPath type check failed: ${path} is not ${check.noun}`)
}

async function createUnlessThere(path: string, create: () => Promise<unknown>): Promise<void> {
  const there = await stat(path).catch(ifMissing(undefined))
  if (there === undefined) await create()
}

async function touch(path: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true })
  await (await open(path, 'a', 0o644)).close()
}
