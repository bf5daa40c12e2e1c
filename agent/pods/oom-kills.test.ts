import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { Container } from '../runtime/runtime.ts'
import { cgroupOf, type PodCgroups } from './cgroups.ts'
import { OomKills } from './oom-kills.ts'
import { makePod } from './test-pods.ts'

const pod = makePod()
let cgroups: PodCgroups

beforeEach(async () => {
  cgroups = { root: '/', mountPoint: await mkdtemp(join(tmpdir(), 'fairlead-oom-')) }
  await writeFile(join(cgroups.mountPoint, 'cgroup.controllers'), 'memory\n')
})
afterEach(() => rm(cgroups.mountPoint, { recursive: true }))

/** The kernel has killed so many in the pod's cgroup. */
async function killed(count: number): Promise<void> {
  const path = join(cgroups.mountPoint, cgroupOf(cgroups, pod))
  await mkdir(path, { recursive: true })
  await writeFile(join(path, 'memory.events'), `low 0\noom 7\noom_kill ${count}\noom_group_kill 0\n`)
}

const container = (id: string, exitCode?: number, reason = 'Error') =>
  (exitCode === undefined
    ? { id, state: 'running', exitCode: 0, reason: '' }
    : { id, state: 'exited', exitCode, reason }) as Container

const reasons = async (kills: OomKills, ...containers: Container[]) =>
  (await kills.explain(pod, containers)).map(({ reason }) => reason)

test('what ends with 137 as the count rises was killed for memory, and stays so', async () => {
  const kills = new OomKills(cgroups)
  expect(await reasons(kills, container('a'))).toEqual([''])
  await killed(1)
  expect(await reasons(kills, container('a', 137))).toEqual(['OOMKilled'])
  expect(await reasons(kills, container('a', 137), container('b', 137))).toEqual(['OOMKilled', 'Error'])
})

test.each([
  ['another exit code', 1, 'Error'],
  ['a container that could not run', 137, 'ContainerCannotRun'],
])('%s keeps its reason', async (_, exitCode, reason) => {
  const kills = new OomKills(cgroups)
  await reasons(kills, container('a'))
  await killed(1)
  expect(await reasons(kills, container('a', exitCode, reason))).toEqual([reason])
})

test('a process in a container that was killed without its end explains no later end', async () => {
  const kills = new OomKills(cgroups)
  await killed(3)
  expect(await reasons(kills, container('a'))).toEqual([''])
  expect(await reasons(kills, container('a', 137))).toEqual(['Error'])
})

test('a cgroup that went and came back counts from 0', async () => {
  const kills = new OomKills(cgroups)
  await killed(3)
  await reasons(kills, container('a'))
  await killed(0)
  expect(await reasons(kills, container('a', 137))).toEqual(['Error'])
  await killed(1)
  expect(await reasons(kills, container('b', 137))).toEqual(['OOMKilled'])
})

test("the agent's next life keeps to what was told", async () => {
  await killed(2)
  const lastState = { terminated: { exitCode: 137, reason: 'OOMKilled', containerID: 'docker://a' } }
  const told = { ...pod, status: { containerStatuses: [{ name: 'app', lastState }] } } as typeof pod
  const found = await new OomKills(cgroups).explain(told, [container('a', 137), container('b', 137)])
  expect(found.map(({ reason }) => reason)).toEqual(['OOMKilled', 'Error'])
})
