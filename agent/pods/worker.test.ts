import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import type { PodSpec, PodStatus } from '../../api/generated/types.ts'
import type { PodNetwork } from '../network/pod-network.ts'
import { FakeRuntime } from '../runtime/fake-runtime.ts'
import { PodVolumes } from '../volumes/pod-volumes.ts'
import type { PodDependencies } from './dependencies.ts'
import { ImagePuller } from './image-puller.ts'
import type { StoredPod } from './pod.ts'
import { openGate } from './policy-gate.ts'
import { makePod, makeTemplate } from './test-pods.ts'
import { PodWorker } from './worker.ts'

let dataDir: string
let runtime: FakeRuntime
let attached: Map<string, string>
let events: string[]
let deleted: StoredPod[]
let statuses: PodStatus[]
let deps: PodDependencies
let stop: AbortController
let ends: Promise<void>[]

beforeEach(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'fairlead-worker-'))
  runtime = new FakeRuntime()
  runtime.addImage('test:1')
  attached = new Map()
  events = []
  deleted = []
  statuses = []
  stop = new AbortController()
  ends = []
  deps = makeDeps()
})

afterEach(async () => {
  stop.abort()
  await Promise.all(ends)
  await rm(dataDir, { recursive: true, force: true })
})

function makeNetwork(): PodNetwork {
  let last = 1
  return {
    notReadyReason: () => undefined,
    attach: async ({ sandboxId }) => {
      const ip = attached.get(sandboxId) ?? `10.244.0.${++last}`
      attached.set(sandboxId, ip)
      return { ips: [ip] }
    },
    detach: async (sandboxId) => void attached.delete(sandboxId),
    check: async () => {},
    mend: async () => undefined,
    attachments: async () => new Map(),
    collectGarbage: async () => {},
  }
}

function makeDeps(): PodDependencies {
  const objects = {
    configMap: async () => undefined,
    secret: async () => undefined,
    serviceAccountToken: async () => {
      throw new Error('no tokens here')
    },
  }
  return {
    runtime,
    network: makeNetwork(),
    policy: openGate,
    volumes: new PodVolumes({ dataDir, objects }),
    objects,
    images: new ImagePuller({ runtime, now: Date.now }),
    statuses: { set: (_pod, status) => void statuses.push(status), flush: async () => {}, forget: () => {} },
    node: {
      name: 'node-1',
      ip: '192.0.2.1',
      ips: ['192.0.2.1'],
      allocatable: { cpu: '2', memory: '4Gi', pods: '110' },
      memoryBytes: 2 ** 32,
      dns: { clusterDomain: 'cluster.local', nodeResolvConf: 'nameserver 192.0.2.53\n' },
      cgroups: { root: '/', mountPoint: join(dataDir, 'cgroup') },
    },
    emit: (_pod, { reason, message }) => void events.push(`${reason}: ${message}`),
    serviceVariables: async () => new Map(),
    deletePod: async (pod) => void deleted.push(pod),
    admit: () => undefined,
    onError: () => {},
    now: Date.now,
  }
}

function start(pod: StoredPod): PodWorker {
  const worker = new PodWorker(deps, pod)
  ends.push(worker.run(stop.signal))
  ends.push(follow(worker))
  return worker
}

async function follow(worker: PodWorker): Promise<void> {
  for await (const _event of runtime.events(stop.signal)) worker.notice()
}

const latest = () => statuses.at(-1) ?? {}
const container = (name = 'app') => latest().containerStatuses?.find((status) => status.name === name)
const until = (check: () => void | Promise<void>) => vi.waitFor(check, { timeout: 10_000, interval: 10 })
const running = async () => (await runtime.listContainers()).filter(({ state }) => state === 'running')

function withDeletion(pod: StoredPod, graceSeconds: number): StoredPod {
  const deletion = { deletionTimestamp: new Date().toISOString(), deletionGracePeriodSeconds: graceSeconds }
  return { ...pod, metadata: { ...pod.metadata, ...deletion } }
}

test('a pod gets a sandbox, an address and its container, and is ready', async () => {
  start(makePod())
  await until(() => expect(latest().phase).toBe('Running'))
  expect(container()).toMatchObject({ ready: true, started: true, restartCount: 0 })
  expect(latest().podIP).toBe('10.244.0.2')
  expect(latest().conditions?.find(({ type }) => type === 'Ready')?.status).toBe('True')
  expect(events.map((event) => event.split(':')[0])).toEqual(['Pulled', 'Created', 'Started'])
})

test('init containers run one after the other before the apps', async () => {
  runtime.addImage('init:1')
  const init = (name: string) => makeTemplate(name, { image: 'init:1', command: ['sh', '-c', 'exit 0'] })
  start(makePod({ initContainers: [init('first'), init('second')] }))
  await until(() => expect(latest().phase).toBe('Running'))
  const specs = runtime.containerSpecs.map(({ name }) => name)
  expect(specs).toEqual(['first', 'second', 'app'])
  expect(latest().initContainerStatuses?.every(({ ready }) => ready)).toBe(true)
})

test('a crashed container is restarted at once, then waits in CrashLoopBackOff', async () => {
  start(makePod())
  await until(() => expect(container()?.ready).toBe(true))
  await runtime.endContainer((await running())[0]?.id ?? '', 3)
  await until(() => expect(container()).toMatchObject({ restartCount: 1, ready: true }))
  expect(container()?.lastState?.terminated).toMatchObject({ exitCode: 3, reason: 'Error' })
  await runtime.endContainer((await running())[0]?.id ?? '', 4)
  await until(() => expect(container()?.state?.waiting?.reason).toBe('CrashLoopBackOff'))
  expect(container()?.state?.waiting?.message).toBe(
    'back-off 10s restarting failed container=app pod=web_default(uid-1)',
  )
})

test('a killed pause container brings a new sandbox with the next attempt and all containers again', async () => {
  start(makePod())
  await until(() => expect(container()?.ready).toBe(true))
  const [old] = await runtime.listSandboxes()
  runtime.killSandbox(old?.id ?? '')
  await until(async () => {
    const sandboxes = await runtime.listSandboxes()
    expect(sandboxes.map(({ attempt, state }) => ({ attempt, state }))).toEqual([{ attempt: 1, state: 'ready' }])
    expect(container()).toMatchObject({ ready: true, restartCount: 1 })
  })
  expect([...attached.keys()]).toEqual((await runtime.listSandboxes()).map(({ id }) => id))
})

test('a deleted pod ends with its grace, is detached, cleaned and taken off the API', async () => {
  const pod = makePod({ volumes: [{ name: 'scratch', emptyDir: {} }] })
  const worker = start(pod)
  await until(() => expect(container()?.ready).toBe(true))
  worker.update(withDeletion(pod, 5))
  await until(() => expect(deleted).toHaveLength(1))
  expect(attached.size).toBe(0)
  expect(await readdir(join(dataDir, 'pods'))).toEqual([])
  worker.markGone()
  await until(async () => expect(await runtime.listContainers()).toEqual([]))
  expect(await runtime.listSandboxes()).toEqual([])
})

test('an agent that starts again finds the running pod and leaves it as it is', async () => {
  const pod = makePod()
  start(pod)
  await until(() => expect(container()?.ready).toBe(true))
  const before = (await running()).map(({ id }) => id)
  stop.abort()
  await Promise.all(ends)
  stop = new AbortController()
  start({ ...pod, status: latest() })
  const known = statuses.length
  await until(() => expect(statuses.length).toBeGreaterThan(known))
  await until(() => expect(latest()).toMatchObject({ phase: 'Running', podIP: '10.244.0.2' }))
  expect((await running()).map(({ id }) => id)).toEqual(before)
  expect(container()).toMatchObject({ ready: true, restartCount: 0 })
})

test('an image that cannot be pulled shows ErrImagePull and then ImagePullBackOff', async () => {
  runtime.failPull('nowhere/none:1', 'manifest unknown')
  start(makePod({ containers: [makeTemplate('app', { image: 'nowhere/none:1' })] }))
  await until(() =>
    expect(container()?.state?.waiting).toEqual({ reason: 'ErrImagePull', message: 'manifest unknown' }),
  )
  expect(latest().phase).toBe('Pending')
  await until(() => expect(container()?.state?.waiting?.reason).toBe('ImagePullBackOff'))
  expect(events).toContain('Failed: Failed to pull image "nowhere/none:1": manifest unknown')
})

test.each(['IfNotPresent', 'Always'])(
  'with the policy %s a name that no image can have is an InvalidImageName',
  async (imagePullPolicy) => {
    start(makePod({ containers: [makeTemplate('app', { image: 'UPPER:1', imagePullPolicy })] }))
    const message = `couldn't parse image name "UPPER:1": repository name must be lowercase`
    await until(() => expect(container()?.state?.waiting).toEqual({ reason: 'InvalidImageName', message }))
    expect(events).toContain('Failed: Error: InvalidImageName')
    await until(() => expect(latest().podIP).toBeDefined())
  },
)

test('a pod with restartPolicy Never ends as Failed with the exit code, and its sandbox goes', async () => {
  start(makePod({ restartPolicy: 'Never', containers: [makeTemplate('app', { command: ['sh', '-c', 'exit 7'] })] }))
  await until(() => expect(latest().phase).toBe('Failed'))
  expect(container()?.state?.terminated).toMatchObject({ exitCode: 7, reason: 'Error' })
  await until(() => expect(attached.size).toBe(0))
})

test('a command that does not exist is a StartError with the message of the runtime', async () => {
  start(makePod({ restartPolicy: 'Never', containers: [makeTemplate('app', { command: ['no-such-command'] })] }))
  await until(() => expect(latest().phase).toBe('Failed'))
  expect(container()?.state?.terminated).toMatchObject({ reason: 'StartError', exitCode: 128 })
  expect(container()?.state?.terminated?.message).toContain('executable file not found')
})

test('a missing config map is a CreateContainerConfigError and the pod stays pending', async () => {
  const env = [{ name: 'COLOUR', valueFrom: { configMapKeyRef: { name: 'colours', key: 'x' } } }]
  start(makePod({ containers: [makeTemplate('app', { env })] }))
  await until(() =>
    expect(container()?.state?.waiting).toEqual({
      reason: 'CreateContainerConfigError',
      message: 'configmap "colours" not found',
    }),
  )
  expect(latest().phase).toBe('Pending')
})

test('a failing liveness probe kills the container, which comes back', async () => {
  const livenessProbe = { exec: { command: ['sh', '-c', 'exit 1'] }, periodSeconds: 0.05, failureThreshold: 2 }
  start(makePod({ containers: [makeTemplate('app', { livenessProbe })] }))
  await until(() => expect(container()?.restartCount).toBe(1))
  expect(events).toContain('Killing: Container app failed liveness probe, will be restarted')
  expect(events.some((event) => event.startsWith('Unhealthy: Liveness probe failed'))).toBe(true)
})

test('a readiness probe that fails keeps the pod running but not ready', async () => {
  const readinessProbe = { exec: { command: ['sh', '-c', 'exit 1'] } }
  start(makePod({ containers: [makeTemplate('app', { readinessProbe })] }))
  await until(() => expect(container()).toMatchObject({ started: true, ready: false }))
  expect(latest().conditions?.find(({ type }) => type === 'Ready')).toMatchObject({
    status: 'False',
    reason: 'ContainersNotReady',
    message: 'containers with unready status: [app]',
  })
})

test('a pod past its activeDeadlineSeconds fails with DeadlineExceeded', async () => {
  const spec: Partial<PodSpec> = { activeDeadlineSeconds: 1, terminationGracePeriodSeconds: 1 }
  start(makePod(spec))
  await until(() => expect(latest()).toMatchObject({ phase: 'Failed', reason: 'DeadlineExceeded' }))
  await until(async () => expect(await running()).toEqual([]))
})

/** A container that only SIGKILL ends. */
function makeStubborn() {
  runtime.programs.set('stubborn', async (process) => {
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
  deps.deletePod = () => new Promise(() => {})
  start(change(pod))
  await new Promise((resolve) => setTimeout(resolve, 300)) // what is done once is done
  const before = statuses.length
  await new Promise((resolve) => setTimeout(resolve, 300))
  expect(statuses.length - before).toBeLessThan(10)
})

test('a pod that ends is asked whether it is ready, and no more whether it lives', async () => {
  let isWell = true
  runtime.programs.set('probe', async () => (isWell ? 0 : 1))
  const probe = { exec: { command: ['probe'] }, periodSeconds: 0.02, failureThreshold: 1 }
  const pod = makePod({ containers: [{ ...makeStubborn(), livenessProbe: probe, readinessProbe: probe }] })
  const worker = start(pod)
  await until(() => expect(container()?.ready).toBe(true))
  worker.update(withDeletion(pod, 1))
  await until(() => expect(events).toContain('Killing: Stopping container app'))
  isWell = false
  await until(() => expect(container()?.ready).toBe(false))
  await until(() => expect(deleted).toHaveLength(1))
  expect(events.filter((event) => event.startsWith('Unhealthy: Liveness'))).toEqual([])
})

test('apps and sidecars of a deleted pod share one grace period', async () => {
  const graces: Record<string, number> = {}
  runtime.stopContainer = async (id, graceSeconds) => {
    const stopped = (await running()).find((each) => each.id === id)
    if (stopped === undefined) return
    graces[stopped.name] = graceSeconds
    await new Promise((resolve) => setTimeout(resolve, 1_100)) // all but deaf to SIGTERM
    await runtime.endContainer(id, 137)
  }
  const pod = makePod({ initContainers: [makeTemplate('helper', { restartPolicy: 'Always' })] })
  const worker = start(pod)
  await until(() => expect(container()?.ready).toBe(true))
  worker.update(withDeletion(pod, 10))
  await until(() => expect(deleted).toHaveLength(1))
  expect(graces.app).toBe(10)
  expect(graces.helper).toBeLessThan(10)
})

test('an agent that stops does not wait for a container that takes its time to end', async () => {
  const pod = makePod({ containers: [makeStubborn()] })
  const worker = start(pod)
  await until(() => expect(container()?.ready).toBe(true))
  worker.update(withDeletion(pod, 3600))
  await until(() => expect(events).toContain('Killing: Stopping container app'))
  stop.abort()
  await Promise.all(ends)
  expect(await running()).toHaveLength(1)
})

test('a log that cannot be read is said in place of the termination message, and the container restarts', async () => {
  runtime.logs = async () => {
    throw new Error('no such file')
  }
  start(makePod({ containers: [makeTemplate('app', { terminationMessagePolicy: 'FallbackToLogsOnError' })] }))
  await until(() => expect(container()?.ready).toBe(true))
  await runtime.endContainer((await running())[0]?.id ?? '', 3)
  await until(() => expect(container()).toMatchObject({ restartCount: 1, ready: true }))
  expect(container()?.lastState?.terminated?.message).toBe(
    'Error on reading termination message from logs: no such file',
  )
})

test('a pod that the node cannot keep is ended at once, and says why', async () => {
  const worker = start(makePod({ terminationGracePeriodSeconds: 3600 }))
  await until(async () => expect(await running()).toHaveLength(1))
  worker.evict({ reason: 'Evicted', message: 'The node was low on resource: memory.' })
  await until(async () => expect(await running()).toEqual([]))
  await until(() => expect(latest()).toMatchObject({ phase: 'Failed', reason: 'Evicted' }))
  expect(latest().conditions?.find(({ type }) => type === 'DisruptionTarget')).toMatchObject({
    status: 'True',
    reason: 'TerminationByKubelet',
  })
  expect(events).toContain('Evicted: The node was low on resource: memory.')
})

test('a pod that the node cannot keep as its agent starts is ended too', async () => {
  start(makePod()).evict({ reason: 'Evicted', message: 'The node was low on resource: memory.' })
  await until(() => expect(latest()).toMatchObject({ phase: 'Failed', reason: 'Evicted' }))
  expect(runtime.containerSpecs).toEqual([])
})

test('a container that takes several attempts to end is told of once', async () => {
  const worker = start(makePod())
  await until(async () => expect(await running()).toHaveLength(1))
  const stop = runtime.stopContainer.bind(runtime)
  let attempts = 0
  runtime.stopContainer = async (...args) => {
    if (++attempts > 3) await stop(...args)
  }
  worker.evict({ reason: 'Evicted', message: 'The node was low on resource: memory.' })
  await until(async () => expect(await running()).toEqual([]))
  expect(attempts).toBeGreaterThan(3)
  expect(events.filter((event) => event.startsWith('Killing'))).toHaveLength(1)
})

test('a pod that the node refuses is Failed and nothing is made for it', async () => {
  deps.admit = () => ({ reason: 'OutOfcpu', message: 'too big' })
  start(makePod())
  await until(() => expect(latest()).toMatchObject({ phase: 'Failed', reason: 'OutOfcpu', message: 'too big' }))
  expect(runtime.sandboxSpecs).toEqual([])
})

test('a volume that is not supported yet says so in the waiting reason', async () => {
  start(makePod({ volumes: [{ name: 'data', persistentVolumeClaim: { claimName: 'data' } }] }))
  await until(() => expect(container()?.state?.waiting?.reason).toBe('VolumeNotSupported'))
  expect(events).toContain('FailedMount: volume "data": persistentVolumeClaim is not supported yet')
})

test('a network that fails leaves no sandbox behind, and the next try succeeds', async () => {
  const attach = deps.network.attach
  let failures = 1
  deps.network.attach = async (request) => {
    if (failures-- > 0) throw new Error('no addresses left')
    return await attach(request)
  }
  start(makePod())
  await until(() => expect(container()?.ready).toBe(true))
  expect(events).toContain('FailedCreatePodSandBox: Failed to create pod sandbox: no addresses left')
  await until(async () => expect((await runtime.listSandboxes()).map(({ state }) => state)).toEqual(['ready']))
})
