import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { FakeClient } from '../../api/client/fake-client.ts'
import type { Deployment, Pod } from '../../api/generated/types.ts'
import type { Stored } from '../../api/objects/object.ts'
import { deployments } from '../../api/resources/deployments.ts'
import { endpointSlices } from '../../api/resources/endpoint-slices.ts'
import { endpoints } from '../../api/resources/endpoints.ts'
import { events } from '../../api/resources/events.ts'
import { namespaces } from '../../api/resources/namespaces.ts'
import { nodes } from '../../api/resources/nodes.ts'
import { pods } from '../../api/resources/pods.ts'
import { replicaSets } from '../../api/resources/replica-sets.ts'
import { serviceAccounts } from '../../api/resources/service-accounts.ts'
import { services } from '../../api/resources/services.ts'
import { runControllers } from './manager.ts'

let client: FakeClient
let stop: AbortController
let running: Promise<void>
const complaints: string[] = []
const log = {
  info: () => {},
  warn: (text: string) => complaints.push(text),
  error: (text: string) => complaints.push(text),
}

function start() {
  stop = new AbortController()
  const timings = { nodeMonitorGraceMs: 300, nodeStartupGraceMs: 300, podGcQuarantineMs: 200 }
  running = runControllers({ client, clusterCidrs: ['10.244.0.0/16'], log, timings }, stop.signal)
}

beforeEach(async () => {
  client = new FakeClient()
  complaints.length = 0
  await client.create(namespaces, { metadata: { name: 'default' } })
  start()
})

afterEach(async () => {
  stop.abort()
  await running
})

const podList = async () => (await client.list(pods, { namespace: 'default' })).items
const eventually = (test: () => Promise<void>) => vi.waitFor(test, { timeout: 5_000, interval: 20 })

function web(image: string, replicas = 3): Deployment {
  return {
    metadata: { namespace: 'default', name: 'web', generation: 1 },
    spec: {
      replicas,
      revisionHistoryLimit: 10,
      progressDeadlineSeconds: 600,
      selector: { matchLabels: { app: 'web' } },
      strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: '25%', maxUnavailable: '25%' } },
      template: {
        metadata: { labels: { app: 'web' } },
        spec: { containers: [{ name: 'web', image, ports: [{ name: 'http', containerPort: 8080 }] }] },
      },
    },
  }
}

let lastIp = 1
/** What the scheduler and an agent would do. */
async function makeReady(pod: Stored<Pod>, nodeName = 'node-1') {
  const podIP = `10.244.1.${++lastIp}`
  const conditions = [{ type: 'Ready', status: 'True', lastTransitionTime: new Date().toISOString() }]
  const status = { phase: 'Running', podIP, podIPs: [{ ip: podIP }], conditions }
  await client.patch(pods, pod.metadata, 'application/merge-patch+json', { spec: { nodeName }, status })
}

const images = async () => (await podList()).map(({ spec }) => spec.containers[0]?.image).sort()

test('a deployment gets a replica set and pods, and says when they are available', async () => {
  await client.create(deployments, web('v1'))
  await eventually(async () => expect(await podList()).toHaveLength(3))
  await Promise.all((await podList()).map((pod) => makeReady(pod)))
  await eventually(async () => {
    const { status, metadata } = await client.get(deployments, { namespace: 'default', name: 'web' })
    expect(status).toMatchObject({ replicas: 3, updatedReplicas: 3, readyReplicas: 3, availableReplicas: 3 })
    expect(metadata.annotations).toEqual({ 'deployment.kubernetes.io/revision': '1' })
    const said = status?.conditions?.map(({ type, status, reason }) => `${type} ${status} ${reason}`).sort()
    expect(said).toEqual(['Available True MinimumReplicasAvailable', 'Progressing True NewReplicaSetAvailable'])
  })
  const { items } = await client.list(replicaSets, { namespace: 'default' })
  await eventually(async () => {
    const said = (await client.list(events, { namespace: 'default' })).items.map(({ message }) => message)
    expect(said).toContain(`Scaled up replica set ${items[0]?.metadata.name} from 0 to 3`)
    expect(said.filter((message) => message?.startsWith('Created pod: web-'))).toHaveLength(3)
  })
  expect(complaints).toEqual([])
})

test('a new image replaces the pods step by step and keeps the old replica set for a rollback', async () => {
  await client.create(deployments, web('v1'))
  await eventually(async () => expect(await podList()).toHaveLength(3))
  await Promise.all((await podList()).map((pod) => makeReady(pod)))
  const name = { namespace: 'default', name: 'web' }
  await eventually(async () => expect((await client.get(deployments, name)).status?.availableReplicas).toBe(3))
  await client.patch(deployments, name, 'application/merge-patch+json', { spec: web('v2').spec })
  let fewestReady = 3
  let mostPods = 3
  await eventually(async () => {
    const all = await podList()
    mostPods = Math.max(mostPods, all.length)
    fewestReady = Math.min(fewestReady, all.filter(({ status }) => status?.podIP !== undefined).length)
    for (const pod of all.filter(({ status }) => status?.podIP === undefined)) await makeReady(pod)
    expect(await images()).toEqual(['v2', 'v2', 'v2'])
  })
  expect([mostPods, fewestReady]).toEqual([4, 3])
  await eventually(async () => {
    expect((await client.get(deployments, name)).metadata.annotations).toEqual({
      'deployment.kubernetes.io/revision': '2',
    })
  })
  const sizes = (await client.list(replicaSets, { namespace: 'default' })).items.map(({ spec }) => spec.replicas)
  expect(sizes.sort()).toEqual([0, 3])
})

test('a service finds its ready pods in slices and endpoints, and loses those that are not ready', async () => {
  await client.create(services, {
    metadata: { namespace: 'default', name: 'web' },
    spec: {
      clusterIP: '10.96.0.9',
      selector: { app: 'web' },
      ports: [{ port: 80, targetPort: 'http', protocol: 'TCP' }],
    },
  })
  await client.create(deployments, web('v1', 2))
  await eventually(async () => expect(await podList()).toHaveLength(2))
  for (const pod of await podList()) await makeReady(pod)
  const readyAddresses = async () => {
    const { items } = await client.list(endpointSlices, { namespace: 'default' })
    expect(items.map(({ ports }) => ports)).toEqual([[{ name: '', port: 8080, protocol: 'TCP' }]])
    return items.flatMap((slice) => slice.endpoints ?? []).filter(({ conditions }) => conditions?.ready)
  }
  await eventually(async () => expect(await readyAddresses()).toHaveLength(2))
  await eventually(async () => {
    const { subsets } = await client.get(endpoints, { namespace: 'default', name: 'web' })
    expect(subsets?.[0]?.addresses).toHaveLength(2)
  })
  const [first] = await podList()
  const status = { conditions: [{ type: 'Ready', status: 'False' }] }
  await client.patch(pods, first?.metadata ?? { name: '' }, 'application/merge-patch+json', { status })
  await eventually(async () => expect(await readyAddresses()).toHaveLength(1))
})

test('nodes get ranges, namespaces their default account', async () => {
  await client.create(nodes, { metadata: { name: 'node-1' }, spec: { podCIDR: '10.244.0.0/24' } })
  await client.create(nodes, { metadata: { name: 'node-2' }, spec: {} })
  await eventually(async () => {
    expect((await client.get(nodes, { name: 'node-2' })).spec.podCIDRs).toEqual(['10.244.1.0/24'])
    await client.get(serviceAccounts, { namespace: 'default', name: 'default' })
  })
})

test('a node that falls silent is tainted, its pods leave their services and are replaced', async () => {
  const ready = () => [{ type: 'Ready', status: 'True', lastHeartbeatTime: new Date().toISOString() }]
  const beat = (name: string) =>
    client.patch(nodes, { name }, 'application/merge-patch+json', { status: { conditions: ready() } })
  for (const name of ['node-1', 'node-2']) {
    await client.create(nodes, { metadata: { name }, spec: {}, status: { conditions: ready() } })
  }
  await client.create(deployments, web('v1', 1))
  await eventually(async () => expect(await podList()).toHaveLength(1))
  const [lost] = await podList()
  if (lost !== undefined) await makeReady(lost, 'node-1')
  await eventually(async () => {
    await beat('node-2')
    const { spec, status } = await client.get(nodes, { name: 'node-1' })
    expect(status?.conditions?.find(({ type }) => type === 'Ready')).toMatchObject({
      status: 'Unknown',
      reason: 'NodeStatusUnknown',
    })
    const taints = spec.taints?.map(({ key, effect }) => `${key}:${effect}`).sort()
    expect(taints).toEqual(['node.kubernetes.io/unreachable:NoExecute', 'node.kubernetes.io/unreachable:NoSchedule'])
  })
  await eventually(async () => {
    await beat('node-2')
    const names = (await podList()).map(({ metadata }) => metadata.name)
    expect(names).toHaveLength(1)
    expect(names).not.toContain(lost?.metadata.name)
  })
})

test('what a deleted deployment owned goes with it', async () => {
  await client.create(deployments, web('v1'))
  await eventually(async () => expect(await podList()).toHaveLength(3))
  await client.delete(deployments, { namespace: 'default', name: 'web' })
  await eventually(async () => {
    expect(await podList()).toEqual([])
    expect((await client.list(replicaSets, { namespace: 'default' })).items).toEqual([])
  })
})

test('controllers that start again change nothing that is right', async () => {
  await client.create(deployments, web('v1'))
  await eventually(async () => expect(await podList()).toHaveLength(3))
  for (const pod of await podList()) await makeReady(pod)
  await eventually(async () => {
    const { status } = await client.get(deployments, { namespace: 'default', name: 'web' })
    expect(status?.availableReplicas).toBe(3)
  })
  const before = (await podList()).map(({ metadata }) => metadata.uid)
  stop.abort()
  await running
  const callsBefore = client.calls.length
  start()
  await client.create(namespaces, { metadata: { name: 'other' } })
  await eventually(async () => void (await client.get(serviceAccounts, { namespace: 'other', name: 'default' })))
  const writes = client.calls
    .slice(callsBefore)
    .filter((call) => /^(create|update|patch|delete) (pods|replica|deploy)/.test(call))
  expect(writes).toEqual([])
  expect((await podList()).map(({ metadata }) => metadata.uid)).toEqual(before)
})
