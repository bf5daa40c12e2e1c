// Parts of the cluster are killed, one at a time. Each heals without help, nothing acknowledged is lost, and pods that had
// nothing to do with it keep their addresses, their containers and their connections.

import { execa, type Subprocess } from 'execa'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import type { ConfigMapList, Pod, PodList } from '../../api/generated/types.ts'
import { daemonPid } from '../../lab/daemon.ts'
import type { NodeLayout } from '../../lab/layout.ts'
import { dockerSocket } from '../../lab/node.ts'
import {
  apply,
  fairlead,
  freshNamespace,
  getJson,
  kubectl,
  lab,
  onNode,
  service,
  testboxDeployment,
  testboxPod,
  tryKubectl,
} from '../support/lab.ts'

const patiently = { timeout: 60_000, interval: 200 }
const [node1, node2, node3] = lab.nodes as [NodeLayout, NodeLayout, NodeLayout]
let namespace: string
let connection: Subprocess
let received = ''

beforeAll(async () => {
  namespace = await freshNamespace('e2e-failures')
  await apply(
    testboxPod({ namespace, name: 'client', nodeName: node1.name }),
    testboxPod({ namespace, name: 'server', nodeName: node2.name }),
    testboxPod({ namespace, name: 'victim', nodeName: node1.name }),
    testboxDeployment({ namespace, name: 'web', replicas: 3 }),
    service(namespace, 'web'),
  )
  await kubectl('wait', '-n', namespace, '--for=condition=Ready', 'pod', '--all', '--timeout=60s')
  // One TCP connection between two pods that must outlive everything below: a line a second, echoed by the server.
  const { ip } = await factsOf('server')
  const script = `while :; do date +%s; sleep 1; done | socat - TCP:${ip}:8081`
  const pid = await pausePid(node1, 'client')
  connection = execa('nsenter', [`--net=/proc/${pid}/ns/net`, 'sh', '-c', script], { reject: false, detached: true })
  connection.stdout?.on('data', (chunk: Buffer) => {
    received += chunk.toString()
  })
})

afterAll(() => {
  if (connection.pid !== undefined) process.kill(-connection.pid, 'SIGKILL')
})

interface PodFacts {
  ip: string
  uid: string
  containerId: string
  restarts: number
  ready: boolean
}

async function factsOf(name: string): Promise<PodFacts> {
  return toFacts(await getJson<Pod>('pod', '-n', namespace, name))
}

function toFacts({ metadata, status }: Pod): PodFacts {
  const container = status?.containerStatuses?.[0]
  return {
    ip: status?.podIP ?? '',
    uid: metadata?.uid ?? '',
    containerId: container?.containerID ?? '',
    restarts: container?.restartCount ?? -1,
    ready: container?.ready ?? false,
  }
}

async function docker(node: NodeLayout, ...args: string[]): Promise<string> {
  const { stdout } = await execa('docker', ['--host', `unix://${dockerSocket(node)}`, ...args])
  return stdout
}

async function containerIdOf(node: NodeLayout, pod: string, container: string): Promise<string> {
  return await docker(node, 'ps', '-q', '--no-trunc', '--filter', `name=^k8s_${container}_${pod}_${namespace}_`)
}

async function pausePid(node: NodeLayout, pod: string): Promise<number> {
  return Number(await docker(node, 'inspect', '--format', '{{.State.Pid}}', await containerIdOf(node, pod, 'POD')))
}

function killDaemon(node: NodeLayout, daemon: string): number {
  const pid = daemonPid(node, daemon)
  if (pid === undefined) throw new Error(`${daemon} of ${node.name} does not run`)
  process.kill(pid, 'SIGKILL')
  return pid
}

async function isBack(node: NodeLayout, daemon: string, killed: number): Promise<void> {
  await vi.waitFor(() => expect([undefined, killed]).not.toContain(daemonPid(node, daemon)), patiently)
}

const labCommand = (...args: string[]) => execa(process.execPath, ['lab/main.ts', ...args])

async function connectionLives(): Promise<void> {
  const before = received.length
  await vi.waitFor(() => expect(received.length).toBeGreaterThan(before), { timeout: 10_000, interval: 100 })
}

test('the connection between two pods works to begin with', connectionLives)

test('the control plane killed: every acknowledged object is there again, pods never noticed', async () => {
  const before = await factsOf('client')
  const acknowledged: string[] = []
  let stop = false
  const writing = (async () => {
    for (let i = 0; !stop; i++) {
      const { exitCode } = await tryKubectl(['create', 'configmap', '-n', namespace, `written-${i}`])
      if (exitCode === 0) acknowledged.push(`written-${i}`)
    }
  })()
  await vi.waitFor(() => expect(acknowledged.length).toBeGreaterThan(3), patiently)
  const pid = killDaemon(lab.controlPlane, 'control-plane')
  stop = true
  await writing
  await isBack(lab.controlPlane, 'control-plane', pid)
  await vi.waitFor(async () => {
    const { items } = await getJson<ConfigMapList>('configmaps', '-n', namespace)
    expect(items.map(({ metadata }) => metadata?.name)).toEqual(expect.arrayContaining(acknowledged))
  }, patiently)
  expect(await factsOf('client')).toEqual(before)
  await connectionLives()
  // And it goes on working: a new pod comes up.
  await apply(testboxPod({ namespace, name: 'after-restart' }))
  await kubectl('wait', '-n', namespace, '--for=condition=Ready', 'pod/after-restart', '--timeout=60s')
})

test('an agent killed: its pods go on, and it serves its node again', async () => {
  const before = await factsOf('client')
  await isBack(node1, 'agent', killDaemon(node1, 'agent'))
  await apply(testboxPod({ namespace, name: 'after-agent', nodeName: node1.name }))
  await kubectl('wait', '-n', namespace, '--for=condition=Ready', 'pod/after-agent', '--timeout=60s')
  expect(await factsOf('client')).toEqual(before)
  await connectionLives()
})

test('a dockerd killed: its containers go on, and new ones start', async () => {
  const before = await factsOf('client')
  await isBack(node1, 'dockerd', killDaemon(node1, 'dockerd'))
  await apply(testboxPod({ namespace, name: 'after-docker', nodeName: node1.name }))
  await kubectl('wait', '-n', namespace, '--for=condition=Ready', 'pod/after-docker', '--timeout=90s')
  expect(await factsOf('client')).toEqual(before)
  await connectionLives()
})

test('a pause container killed: its pod is rebuilt, its neighbours stay', async () => {
  const [neighbour, victim] = [await factsOf('client'), await factsOf('victim')]
  await docker(node1, 'kill', await containerIdOf(node1, 'victim', 'POD'))
  await vi.waitFor(async () => {
    const now = await factsOf('victim')
    expect(now).toMatchObject({ uid: victim.uid, ready: true })
    expect(now.containerId).not.toBe(victim.containerId)
  }, patiently)
  expect(await factsOf('client')).toEqual(neighbour)
  const { ip } = await factsOf('victim')
  expect(
    await kubectl(
      'exec',
      '-n',
      namespace,
      'client',
      '--',
      'curl',
      '-s',
      '--max-time',
      '3',
      `http://${ip}:8080/hostname`,
    ),
  ).toContain('victim')
  await connectionLives()
})

test('an app container killed: it is started again in the same sandbox, at the same address', async () => {
  const before = await factsOf('victim')
  await docker(node1, 'kill', await containerIdOf(node1, 'victim', 'testbox'))
  await vi.waitFor(
    async () =>
      expect(await factsOf('victim')).toMatchObject({
        uid: before.uid,
        ip: before.ip,
        ready: true,
        restarts: before.restarts + 1,
      }),
    patiently,
  )
  await connectionLives()
})

test('a node cut off from the control plane: its pods go on, and are ready again once it is heard', async () => {
  const before = await factsOf('client')
  const isReady = async () =>
    (await kubectl('get', 'node', node1.name, '-o', 'jsonpath={.status.conditions[?(@.type=="Ready")].status}')) ===
    'True'
  await labCommand('cut', 'control', node1.name)
  await vi.waitFor(async () => expect(await isReady()).toBe(false), patiently)
  expect((await factsOf('client')).uid).toBe(before.uid)
  await connectionLives()
  await labCommand('heal', 'control', node1.name)
  await vi.waitFor(async () => {
    expect(await isReady()).toBe(true)
    expect(await factsOf('client')).toEqual(before)
    expect(
      await kubectl(
        'get',
        'pod',
        'client',
        '-n',
        namespace,
        '-o',
        'jsonpath={.status.conditions[?(@.type=="Ready")].status}',
      ),
    ).toBe('True')
    expect(await kubectl('get', 'node', node1.name, '-o', 'jsonpath={.spec.taints}')).toBeOneOf(['', '[]'])
  }, patiently)
})

test("a node's rules flushed, as by a firewall's reload: each of them is written again, and its connections go on", async () => {
  const nft = async (...words: string[]) => (await onNode(node1, 'nft', ...words)).stdout
  expect(await nft('list', 'tables')).toContain('table bridge fairlead-cbr0')
  await nft('flush', 'ruleset')
  // What the kernel has, compared with what the cluster wants of it.
  const verify = async () => (await fairlead(['net', 'verify', node1.name])).stdout
  await vi.waitFor(
    async () => expect(await verify()).toMatch(/^1 nodes hold what the cluster wants of them$/),
    patiently,
  )
  expect(await nft('list', 'tables')).toContain('table bridge fairlead-cbr0')
  await connectionLives()
})

test('a node stopped for good: its pods are replaced elsewhere, and it returns clean', async () => {
  await apply({ ...testboxDeployment({ namespace, name: 'movable', replicas: 3 }) })
  await kubectl(
    'patch',
    'deployment',
    'movable',
    '-n',
    namespace,
    '--type=merge',
    '-p',
    JSON.stringify({
      spec: {
        template: {
          spec: {
            tolerations: [
              { key: 'node.kubernetes.io/unreachable', operator: 'Exists', effect: 'NoExecute', tolerationSeconds: 2 },
            ],
          },
        },
      },
    }),
  )
  await kubectl('rollout', 'status', '-n', namespace, 'deployment/movable', '--timeout=60s')
  await labCommand('stop', node3.name)
  await vi.waitFor(
    async () => {
      const { items } = await getJson<PodList>('pods', '-n', namespace, '-l', 'app=movable')
      const serving = items.filter(
        ({ spec, metadata, status }) =>
          spec?.nodeName !== node3.name &&
          metadata?.deletionTimestamp === undefined &&
          status?.conditions?.some(({ type, status: value }) => type === 'Ready' && value === 'True'),
      )
      expect(serving).toHaveLength(3)
    },
    { timeout: 120_000, interval: 500 },
  )
  await connectionLives()
  await labCommand('start', node3.name)
  await vi.waitFor(async () => {
    const { items } = await getJson<PodList>('pods', '-n', namespace)
    expect(items.filter(({ metadata }) => metadata?.deletionTimestamp !== undefined)).toEqual([])
  }, patiently)
  expect(await docker(node3, 'ps', '-q', '--filter', `name=_movable-`)).toBe('')
})
