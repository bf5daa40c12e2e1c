// The agent's pods on a real Docker daemon: containers, volumes and cgroups, without a network. The API is a fake.

import { existsSync, globSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { setTimeout as pause } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest'
import { DockerRuntime } from '../../agent/docker/docker-runtime.ts'
import { Evictor } from '../../agent/eviction/evictor.ts'
import type { PodNetwork } from '../../agent/network/pod-network.ts'
import { cgroupDirectories, type PodCgroups } from '../../agent/pods/cgroups.ts'
import type { PodDependencies } from '../../agent/pods/dependencies.ts'
import { ImagePuller } from '../../agent/pods/image-puller.ts'
import { PodManager } from '../../agent/pods/pod-manager.ts'
import { openGate } from '../../agent/pods/policy-gate.ts'
import { StatusWriter } from '../../agent/pods/status-writer.ts'
import { StrategicClient } from '../../agent/pods/test-client.ts'
import { WatchedObjects } from '../../agent/pods/watched-objects.ts'
import { PodVolumes } from '../../agent/volumes/pod-volumes.ts'
import type { Container, PodSpec } from '../../api/generated/types.ts'
import { configMaps } from '../../api/resources/config-maps.ts'
import { pods } from '../../api/resources/pods.ts'
import { secrets } from '../../api/resources/secrets.ts'
import { listMountPoints } from '../../cni/linux/mounts.ts'
import { pauseArchive, startDockerd, type TestDockerd, testboxArchive } from '../support/docker.ts'

const dataDir = '/var/tmp/fl-test-agent-pods'
let dockerd: TestDockerd
let runtime: DockerRuntime
let client: StrategicClient
let agent: { manager: PodManager; stop: () => Promise<void> }

beforeAll(async () => {
  dockerd = await startDockerd({ name: 'agent-pods', images: [pauseArchive, testboxArchive] })
  runtime = new DockerRuntime({ socketPath: dockerd.socket })
})

beforeEach(async () => {
  await removeData()
  client = new StrategicClient()
  agent = startAgent()
})

afterEach(async () => {
  for (const { metadata } of (await client.list(pods)).items) await client.delete(pods, metadata)
  await vi.waitFor(async () => expect(await runtime.listContainers()).toEqual([]), { timeout: 20_000, interval: 100 })
  await agent.stop()
})

afterAll(async () => {
  await dockerd?.stop()
  await removeData()
})

async function removeData(): Promise<void> {
  const volumes = new PodVolumes({
    dataDir,
    objects: new WatchedObjects({ client, onChange() {}, onError() {}, now: Date.now }),
  })
  for (const uid of await volumes.listPods()) await volumes.remove(uid)
  rmSync(dataDir, { recursive: true, force: true })
  mkdirSync(dataDir, { recursive: true })
}

const cgroupsOf = ({ cgroup }: TestDockerd): PodCgroups => ({ root: `/${cgroup}`, mountPoint: '/sys/fs/cgroup' })

const network: PodNetwork = {
  notReadyReason: () => undefined,
  attach: async () => ({ ips: ['10.244.0.2'] }),
  detach: async () => {},
  check: async () => {},
  mend: async () => undefined,
  attachments: async () => new Map(),
  collectGarbage: async () => {},
}

/** One life of the agent; stop is as sudden as SIGKILL for all but the promises under way. */
function startAgent(): typeof agent {
  const stop = new AbortController()
  const onError = (error: unknown) => stop.signal.aborted || console.error(error)
  const objects = new WatchedObjects({
    client,
    onChange: (reference) => manager.objectChanged(reference),
    onError,
    now: Date.now,
  })
  const statuses = new StatusWriter({ client, onError })
  const deps: PodDependencies = {
    runtime,
    network,
    policy: openGate,
    objects,
    statuses,
    volumes: new PodVolumes({ dataDir, objects }),
    images: new ImagePuller({ runtime, now: Date.now }),
    node: {
      name: 'node-1',
      ip: '192.0.2.1',
      ips: ['192.0.2.1'],
      allocatable: { cpu: '2', memory: '4Gi' },
      memoryBytes: 2 ** 32,
      dns: { clusterDns: '10.96.0.10', clusterDomain: 'cluster.local', nodeResolvConf: '' },
      cgroups: cgroupsOf(dockerd),
    },
    emit: () => {},
    serviceVariables: async () => new Map([['WEB_SERVICE_HOST', '10.96.0.7']]),
    deletePod: async ({ metadata }) => await client.delete(pods, metadata),
    admit: () => undefined,
    onError,
    now: Date.now,
  }
  const manager = new PodManager({ client, nodeName: 'node-1', deps, onError })
  const running = manager.run(stop.signal)
  return {
    manager,
    stop: async () => {
      stop.abort()
      statuses.close()
      objects.close()
      await running
    },
  }
}

const box = (name: string, script: string, more: Partial<Container> = {}): Container => ({
  name,
  image: 'fairlead/testbox:1',
  imagePullPolicy: 'IfNotPresent',
  command: ['sh', '-c', script],
  ...more,
})

const forever = 'trap "exit 0" TERM; while :; do sleep 0.1; done'

async function createPod(name: string, spec: Partial<PodSpec>): Promise<string> {
  const metadata = { name, namespace: 'default' }
  const stored = await client.create(pods, {
    metadata,
    spec: { nodeName: 'node-1', terminationGracePeriodSeconds: 2, containers: [box('app', forever)], ...spec },
  })
  return stored.metadata.uid
}

const statusOf = async (name: string) => (await client.get(pods, { namespace: 'default', name })).status ?? {}

const until = <T>(check: () => T | Promise<T>) => vi.waitFor(check, { timeout: 20_000, interval: 20 })

async function untilReady(name: string) {
  return await until(async () => {
    const status = await statusOf(name)
    expect(status.containerStatuses?.every(({ ready }) => ready)).toBe(true)
    return status
  })
}

async function logOf(uid: string, container: string): Promise<string> {
  const found = (await runtime.listContainers(uid)).find(({ name }) => name === container)
  return await text(await runtime.logs(found?.id ?? '', { follow: false, timestamps: false }))
}

test('a pod runs, is deleted, and leaves no container, cgroup, mount or file', async () => {
  const resources = { requests: { cpu: '10m' }, limits: { memory: '64Mi' } }
  await client.create(secrets, { metadata: { name: 'login', namespace: 'default' }, data: { password: 'czNjcmV0' } })
  const volumeMounts = [{ name: 'login', mountPath: '/login' }]
  const uid = await createPod('web', {
    containers: [box('app', forever, { resources, volumeMounts })],
    volumes: [{ name: 'login', secret: { secretName: 'login' } }],
  })
  await untilReady('web')
  const cgroup = `/sys/fs/cgroup/memory/${dockerd.cgroup}/kubepods/burstable/pod${uid}`
  const isV1 = existsSync('/sys/fs/cgroup/memory')
  if (isV1) expect(existsSync(cgroup)).toBe(true)
  expect(listMountPoints(dataDir).length).toBe(1)
  await client.patch(pods, { namespace: 'default', name: 'web' }, 'application/merge-patch+json', {
    metadata: { deletionTimestamp: new Date().toISOString(), deletionGracePeriodSeconds: 2 },
  })
  await until(async () => expect((await client.list(pods)).items).toEqual([]))
  await until(async () => expect(await runtime.listContainers()).toEqual([]))
  await until(async () => expect(readdirSync(join(dataDir, 'pods'))).toEqual([]))
  expect(listMountPoints(dataDir)).toEqual([])
  expect(existsSync(cgroup)).toBe(false)
})

test('a pod that is chosen when memory runs out ends at once, though Docker stands still, and no other before it is gone', async () => {
  const uid = await createPod('greedy', { containers: [box('app', forever), box('other', forever)] })
  await createPod('modest', { containers: [box('app', forever, { resources: { requests: { memory: '64Mi' } } })] })
  await untilReady('greedy')
  await untilReady('modest')
  const pod = agent.manager.list().find(({ metadata }) => metadata.uid === uid)
  if (pod === undefined) throw new Error('there is a pod')
  const directories = await cgroupDirectories(cgroupsOf(dockerd), pod, 'memory')
  const processes = () =>
    directories
      .flatMap((directory) => globSync(`${directory}/*/cgroup.procs`))
      .flatMap((file) => readFileSync(file, 'utf8').split('\n').filter(Boolean))
  expect(processes().length).toBeGreaterThan(2)
  const short = { memory: true, disk: false, pids: false, memoryAvailableBytes: 1 }
  const stop = new AbortController()
  const victims: string[] = []
  process.kill(dockerd.pid, 'SIGSTOP')
  try {
    const evictor = new Evictor({
      pressure: { last: short, read: async () => short },
      cgroups: cgroupsOf(dockerd),
      pods: () => agent.manager.list(),
      evict: (victim, why) => {
        victims.push(victim.metadata.name)
        agent.manager.evict(victim, why)
      },
      onError: (error) => console.error(error),
    })
    void evictor.run(stop.signal)
    await until(() => expect(processes()).toEqual([]))
    // Several looks later.
    await pause(4_000)
  } finally {
    stop.abort()
    process.kill(dockerd.pid, 'SIGCONT')
  }
  await until(async () => expect(await statusOf('greedy')).toMatchObject({ phase: 'Failed', reason: 'Evicted' }))
  expect(victims).toEqual(['greedy'])
})

test('files, variables and names of the pod are what Kubernetes gives', async () => {
  const script = [
    'cat /etc/resolv.conf',
    'grep 10.244.0.2 /etc/hosts',
    'echo $WEB_SERVICE_HOST $IP',
    'cat /settings/colour',
    'hostname',
    'echo over > /dev/termination-log',
    'exit 3',
  ].join(' && ')
  await client.create(configMaps, { metadata: { name: 'settings', namespace: 'default' }, data: { colour: 'red' } })
  const env = [{ name: 'IP', valueFrom: { fieldRef: { fieldPath: 'status.podIP' } } }]
  const volumeMounts = [{ name: 'settings', mountPath: '/settings' }]
  const uid = await createPod('web', {
    restartPolicy: 'Never',
    hostname: 'db',
    containers: [box('app', script, { env, volumeMounts })],
    volumes: [{ name: 'settings', configMap: { name: 'settings' } }],
  })
  await until(async () => expect((await statusOf('web')).phase).toBe('Failed'))
  const [app] = (await statusOf('web')).containerStatuses ?? []
  expect(app?.state?.terminated).toMatchObject({ exitCode: 3, reason: 'Error', message: 'over\n' })
  expect((await logOf(uid, 'app')).split('\n')).toEqual([
    'nameserver 10.96.0.10',
    'search default.svc.cluster.local svc.cluster.local cluster.local',
    'options ndots:5',
    '10.244.0.2\tdb',
    '10.96.0.7 10.244.0.2',
    'reddb',
    '',
  ])
})

test('a changed config map shows in the running container', async () => {
  const map = await client.create(configMaps, {
    metadata: { name: 'settings', namespace: 'default' },
    data: { colour: 'red' },
  })
  const uid = await createPod('web', {
    containers: [box('app', forever, { volumeMounts: [{ name: 'settings', mountPath: '/settings' }] })],
    volumes: [{ name: 'settings', configMap: { name: 'settings' } }],
  })
  await untilReady('web')
  // Two changes in a row: the second comes while the first is being written.
  const { metadata } = await client.update(configMaps, { ...map, data: { colour: 'green' } })
  await client.update(configMaps, { ...map, metadata, data: { colour: 'blue' } })
  const [app] = await runtime.listContainers(uid)
  await until(async () =>
    expect((await runtime.execSync(app?.id ?? '', ['cat', '/settings/colour'], 5_000)).output).toBe('blue'),
  )
})

test('a killed pause container brings everything back in a new sandbox', async () => {
  const uid = await createPod('web', { initContainers: [box('init', 'true')] })
  await untilReady('web')
  const [sandbox] = await runtime.listSandboxes(uid)
  process.kill(sandbox?.pid ?? 0, 'SIGKILL')
  await until(async () => {
    expect((await runtime.listSandboxes(uid)).map(({ attempt, state }) => ({ attempt, state }))).toEqual([
      { attempt: 1, state: 'ready' },
    ])
    const status = await statusOf('web')
    expect(status.containerStatuses?.[0]).toMatchObject({ ready: true, restartCount: 1 })
    expect(status.initContainerStatuses?.[0]).toMatchObject({ ready: true, restartCount: 1 })
  })
})

test('an agent that starts again disturbs nothing, and counts on', async () => {
  const uid = await createPod('web', {
    containers: [box('app', 'sleep 0.2; test -e /seen || { : > /seen; exit 1; }'), box('side', forever)],
  })
  await until(async () => expect((await statusOf('web')).containerStatuses?.[0]?.restartCount).toBe(1))
  const before = (await runtime.listContainers(uid)).find(({ name }) => name === 'side')
  await agent.stop()
  agent = startAgent()
  await until(async () => {
    const [app] = (await statusOf('web')).containerStatuses ?? []
    expect(app?.state?.waiting?.reason).toBe('CrashLoopBackOff')
    expect(app?.restartCount).toBe(1)
  })
  const after = (await runtime.listContainers(uid)).find(({ name }) => name === 'side')
  expect(after).toEqual(before)
})

test('what belongs to a pod that was deleted while no agent ran is removed', async () => {
  const uid = await createPod('web', { volumes: [{ name: 'memory', emptyDir: { medium: 'Memory' } }] })
  await untilReady('web')
  await agent.stop()
  await client.delete(pods, { namespace: 'default', name: 'web' })
  agent = startAgent()
  await until(async () => {
    expect(await runtime.listSandboxes(uid)).toEqual([])
    expect(await runtime.listContainers(uid)).toEqual([])
    expect(readdirSync(join(dataDir, 'pods'))).toEqual([])
  })
})

test('a container out of memory says OOMKilled', async () => {
  const limits = { memory: '16Mi' }
  const script = 'x=a; while :; do x=$x$x; done'
  await createPod('web', { restartPolicy: 'Never', containers: [box('app', script, { resources: { limits } })] })
  await until(async () => {
    const [app] = (await statusOf('web')).containerStatuses ?? []
    expect(app?.state?.terminated).toMatchObject({ reason: 'OOMKilled', exitCode: 137 })
  })
})
