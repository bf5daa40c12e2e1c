// How a pod's life ends: deleted, done, past its deadline, or taken off its node.

import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { PodSpec } from '../../api/generated/types.ts'
import type { StoredPod } from './pod.ts'
import { makePod, makeTemplate } from './test-pods.ts'
import { TestNode, until } from './test-worker.ts'

let node: TestNode

beforeEach(async () => {
  node = await TestNode.create()
})

afterEach(() => node.close())

function withDeletion(pod: StoredPod, graceSeconds: number): StoredPod {
  const deletion = { deletionTimestamp: new Date().toISOString(), deletionGracePeriodSeconds: graceSeconds }
  return { ...pod, metadata: { ...pod.metadata, ...deletion } }
}

test('a deleted pod ends with its grace, is detached, cleaned and taken off the API', async () => {
  const pod = makePod({ volumes: [{ name: 'scratch', emptyDir: {} }] })
  const worker = node.start(pod)
  await until(() => expect(node.container()?.ready).toBe(true))
  worker.update(withDeletion(pod, 5))
  await until(() => expect(node.deleted).toHaveLength(1))
  expect(node.attached.size).toBe(0)
  expect(await readdir(join(node.dataDir, 'pods'))).toEqual([])
  worker.markGone()
  await until(async () => expect(await node.runtime.listContainers()).toEqual([]))
  expect(await node.runtime.listSandboxes()).toEqual([])
})

test('a pod past its activeDeadlineSeconds fails with DeadlineExceeded', async () => {
  const spec: Partial<PodSpec> = { activeDeadlineSeconds: 1, terminationGracePeriodSeconds: 1 }
  node.start(makePod(spec))
  await until(() => expect(node.latest).toMatchObject({ phase: 'Failed', reason: 'DeadlineExceeded' }))
  await until(async () => expect(await node.running()).toEqual([]))
})

/** A container that only SIGKILL ends. */
function makeStubborn() {
  node.runtime.programs.set('stubborn', async (process) => {
    process.ignoresTerm = true
    await new Promise((resolve) => process.signal.addEventListener('abort', resolve))
    return 0
  })
  return makeTemplate('app', { command: ['stubborn'] })
}

test.each([
  ['has ended', 'Succeeded', (pod: StoredPod) => pod],
  ['is being deleted', 'Running', (pod: StoredPod) => withDeletion(pod, 3600)],
])('the worker of a pod that %s rests when its deadline has passed', async (_, phase, change) => {
  const pod = makePod({ activeDeadlineSeconds: 1 }, { phase, startTime: '2026-01-01T00:00:00Z' })
  node.deps.deletePod = () => new Promise(() => {})
  node.start(change(pod))
  await new Promise((resolve) => setTimeout(resolve, 300)) // what is done once is done
  const before = node.statuses.length
  await new Promise((resolve) => setTimeout(resolve, 300))
  expect(node.statuses.length - before).toBeLessThan(10)
})

test('a pod that ends is asked whether it is ready, and no more whether it lives', async () => {
  let isWell = true
  node.runtime.programs.set('probe', async () => (isWell ? 0 : 1))
  const probe = { exec: { command: ['probe'] }, periodSeconds: 0.02, failureThreshold: 1 }
  const pod = makePod({ containers: [{ ...makeStubborn(), livenessProbe: probe, readinessProbe: probe }] })
  const worker = node.start(pod)
  await until(() => expect(node.container()?.ready).toBe(true))
  worker.update(withDeletion(pod, 1))
  await until(() => expect(node.events).toContain('Killing: Stopping container app'))
  isWell = false
  await until(() => expect(node.container()?.ready).toBe(false))
  await until(() => expect(node.deleted).toHaveLength(1))
  expect(node.events.filter((event) => event.startsWith('Unhealthy: Liveness'))).toEqual([])
})

test('apps and sidecars of a deleted pod share one grace period', async () => {
  const graces: Record<string, number> = {}
  node.runtime.stopContainer = async (id, graceSeconds) => {
    const stopped = (await node.running()).find((each) => each.id === id)
    if (stopped === undefined) return
    graces[stopped.name] = graceSeconds
    await new Promise((resolve) => setTimeout(resolve, 1_100)) // all but deaf to SIGTERM
    await node.runtime.endContainer(id, 137)
  }
  const pod = makePod({ initContainers: [makeTemplate('helper', { restartPolicy: 'Always' })] })
  const worker = node.start(pod)
  await until(() => expect(node.container()?.ready).toBe(true))
  worker.update(withDeletion(pod, 10))
  await until(() => expect(node.deleted).toHaveLength(1))
  expect(graces.app).toBe(10)
  expect(graces.helper).toBeLessThan(10)
})

test('an agent that stops does not wait for a container that takes its time to end', async () => {
  const pod = makePod({ containers: [makeStubborn()] })
  const worker = node.start(pod)
  await until(() => expect(node.container()?.ready).toBe(true))
  worker.update(withDeletion(pod, 3600))
  await until(() => expect(node.events).toContain('Killing: Stopping container app'))
  await node.stop()
  expect(await node.running()).toHaveLength(1)
})

test('a pod that the node cannot keep is ended at once, and says why', async () => {
  const worker = node.start(makePod({ terminationGracePeriodSeconds: 3600 }))
  await until(async () => expect(await node.running()).toHaveLength(1))
  worker.evict({ reason: 'Evicted', message: 'The node was low on resource: memory.' })
  await until(async () => expect(await node.running()).toEqual([]))
  await until(() => expect(node.latest).toMatchObject({ phase: 'Failed', reason: 'Evicted' }))
  expect(node.latest.conditions?.find(({ type }) => type === 'DisruptionTarget')).toMatchObject({
    status: 'True',
    reason: 'TerminationByKubelet',
  })
  expect(node.events).toContain('Evicted: The node was low on resource: memory.')
})

test('a pod that the node cannot keep as its agent starts is ended too', async () => {
  node.start(makePod()).evict({ reason: 'Evicted', message: 'The node was low on resource: memory.' })
  await until(() => expect(node.latest).toMatchObject({ phase: 'Failed', reason: 'Evicted' }))
  expect(node.runtime.containerSpecs).toEqual([])
})

test('a container that takes several attempts to end is told of once', async () => {
  const worker = node.start(makePod())
  await until(async () => expect(await node.running()).toHaveLength(1))
  const stop = node.runtime.stopContainer.bind(node.runtime)
  let attempts = 0
  node.runtime.stopContainer = async (...args) => {
    if (++attempts > 3) await stop(...args)
  }
  worker.evict({ reason: 'Evicted', message: 'The node was low on resource: memory.' })
  await until(async () => expect(await node.running()).toEqual([]))
  expect(attempts).toBeGreaterThan(3)
  expect(node.events.filter((event) => event.startsWith('Killing'))).toHaveLength(1)
})
