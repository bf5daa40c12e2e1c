import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeEach, expect, test } from 'vitest'
import { toSliceName, toSlicePath } from '../runtime/slices.ts'
import { listCgroupPods, type PodCgroups, removeAllCgroups, removeCgroups } from './cgroups.ts'

const uid = '7c1d4f6e-8a51-4a0b-9a51-0123456789ab'
const slice = 'kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod7c1d4f6e_8a51_4a0b_9a51_0123456789ab.slice'
let cgroups: PodCgroups

beforeEach(async () => {
  cgroups = { root: '/', mountPoint: await mkdtemp(join(tmpdir(), 'fairlead-cgroups-')) }
  await writeFile(join(cgroups.mountPoint, 'cgroup.controllers'), 'cpu memory pids\n')
})

const make = (path: string) => mkdir(join(cgroups.mountPoint, path), { recursive: true })
const isThere = (path: string) => existsSync(join(cgroups.mountPoint, path))

test('a pod is found in the paths of cgroupfs and in the slices of systemd', async () => {
  await make('kubepods/besteffort/podabc')
  await make(slice)
  expect([...(await listCgroupPods(cgroups))].sort()).toEqual([uid, 'abc'])
})

test('the slice of a pod is removed, and its class stays', async () => {
  await make(`${slice}/docker-1.scope`)
  await removeCgroups(cgroups, uid)
  expect([isThere(slice), isThere('kubepods.slice/kubepods-burstable.slice')]).toEqual([false, true])
})

test('of all pods nothing is left, in either layout', async () => {
  await make(slice)
  await make('kubepods/podabc')
  await make('system.slice')
  await removeAllCgroups(cgroups)
  expect([isThere('kubepods.slice'), isThere('kubepods'), isThere('system.slice')]).toEqual([false, false, true])
})

test('the name of a slice holds its path', () => {
  const path = `/kubepods/burstable/pod${uid}`
  expect(toSlicePath(path)).toBe(`/${slice}`)
  expect(toSliceName(path)).toBe(slice.split('/').at(-1))
})
