import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { FakeClient } from '../../api/client/fake-client.ts'
import type { PodStatus } from '../../api/generated/types.ts'
import { pods } from '../../api/resources/pods.ts'
import { FakeRuntime } from '../runtime/fake-runtime.ts'
import { makeSandboxSpec } from '../runtime/runtime.cases.ts'
import { PodVolumes } from '../volumes/pod-volumes.ts'
import { refusePod } from './admission.ts'
import { PodManager } from './pod-manager.ts'
import { openGate } from './policy-gate.ts'
import { makeDependencies, noObjects, oneAddress } from './test-dependencies.ts'
import { makePod } from './test-pods.ts'

let dataDir: string
let runtime: FakeRuntime
let client: FakeClient
let stop: AbortController
let errors: string[]
let collections: number
let released: string[]
/** By the name of the pod. */
let statuses: Map<string, PodStatus>
let ended: Promise<void>

beforeEach(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'fairlead-manager-'))
  runtime = new FakeRuntime()
  runtime.addImage('test:1')
  client = new FakeClient()
  stop = new AbortController()
  errors = []
  collections = 0
  released = []
  statuses = new Map()
  ended = Promise.resolve()
})

afterEach(async () => {
  stop.abort()
  await ended
  await rm(dataDir, { recursive: true, force: true })
})

function run(volumes = new PodVolumes({ dataDir, objects: noObjects })): void {
  const deps = makeDependencies({
    dataDir,
    runtime,
    network: { ...oneAddress, collectGarbage: async () => void collections++ },
    policy: { ...openGate, release: (sandboxId) => void released.push(sandboxId) },
    volumes,
    statuses: {
      set: ({ metadata }, status) => void statuses.set(metadata.name, status),
      flush: async () => undefined,
      forget: () => undefined,
    },
    admit: (pod) => refusePod(pod, manager.taken(), { pods: '1' }),
  })
  const onError = (error: unknown) => errors.push(String(error))
  const manager = new PodManager({ client, nodeName: 'node-1', deps, onError, sweepMs: 20 })
  ended = manager.run(stop.signal)
}

async function createPod(name: string, status: PodStatus = {}): Promise<void> {
  const pod = makePod({}, status)
  await client.create(pods, { ...pod, metadata: { ...pod.metadata, name } })
}

const phases = () => [...statuses].map(([name, { phase }]) => `${name} ${phase}`).sort()

test('what is left of a pod that cannot be removed keeps neither the others nor their volumes waiting', async () => {
  const volumes = new PodVolumes({ dataDir, objects: noObjects })
  const refreshed: string[] = []
  const remove = volumes.remove.bind(volumes)
  volumes.remove = async (uid) => {
    if (uid === 'stuck') throw new Error('still mounted')
    await remove(uid)
  }
  volumes.refresh = async ({ metadata }) => void refreshed.push(metadata.uid)
  const orphan = (uid: string) =>
    runtime.createSandbox(makeSandboxSpec({ pod: { name: uid, namespace: 'default', uid } }))
  const [stuck, other] = [await orphan('stuck'), await orphan('other')]
  volumes.listPods = async () => ['stuck']
  await createPod('web')
  run(volumes)
  await vi.waitFor(() => expect(refreshed.length).toBeGreaterThan(2))
  const left = (await runtime.listSandboxes()).map(({ id }) => id)
  expect(left).not.toContain(stuck.id)
  expect(left).not.toContain(other.id)
  expect(released).toEqual(expect.arrayContaining([stuck.id, other.id]))
  expect(errors).toContain('Error: still mounted')
  // A sandbox made since the list that a second collection would go by has its network for garbage.
  expect(collections).toBe(1)
})

test('volumes are kept up to date while the runtime does not answer', async () => {
  const volumes = new PodVolumes({ dataDir, objects: noObjects })
  const refreshed: string[] = []
  volumes.refresh = async ({ metadata }) => void refreshed.push(metadata.uid)
  await createPod('web')
  run(volumes)
  await vi.waitFor(() => expect(refreshed.length).toBeGreaterThan(0))
  runtime.listContainers = () => Promise.reject(new Error('docker is away'))
  const before = refreshed.length
  await vi.waitFor(() => expect(refreshed.length).toBeGreaterThan(before + 2))
})

test('of two pods that come together and do not fit together one runs', async () => {
  await createPod('one')
  await createPod('two')
  run()
  await vi.waitFor(() => expect(phases()).toEqual(['one Running', 'two Failed']))
})

test('pods that ran before the agent started again keep their place', async () => {
  await createPod('fresh')
  await createPod('old', { phase: 'Running', startTime: '2026-01-01T00:00:00Z' })
  run()
  await vi.waitFor(() => expect(phases()).toContain('fresh Failed'))
  expect(phases()).not.toContain('old Failed')
})
