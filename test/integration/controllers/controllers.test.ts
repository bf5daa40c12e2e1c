// The controllers against a real API server, with simulated nodes.

import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import type { Client } from '../../../api/client/client.ts'
import type { Deployment, ObjectMeta } from '../../../api/generated/types.ts'
import { isNotFound } from '../../../api/objects/status-error.ts'
import { configMaps } from '../../../api/resources/config-maps.ts'
import { deployments } from '../../../api/resources/deployments.ts'
import { endpointSlices } from '../../../api/resources/endpoint-slices.ts'
import { endpoints } from '../../../api/resources/endpoints.ts'
import { events } from '../../../api/resources/events.ts'
import { namespaces } from '../../../api/resources/namespaces.ts'
import { nodes } from '../../../api/resources/nodes.ts'
import { pods } from '../../../api/resources/pods.ts'
import { replicaSets } from '../../../api/resources/replica-sets.ts'
import { services } from '../../../api/resources/services.ts'
import { runControllers } from '../../../control-plane/controllers/manager.ts'
import { startApiServer } from '../../support/start-api-server.ts'
import { SimulatedNodes } from './simulated-nodes.ts'

const mergePatch = 'application/merge-patch+json'
const complaints: string[] = []
let client: Client
let close: () => Promise<void>
let cluster: SimulatedNodes
let nodesRun: AbortController
let controllersRun: AbortController
let running: Promise<unknown>[]

function startControllers() {
  const complain = (text: string) => void complaints.push(text)
  const timings = { nodeMonitorGraceMs: 1_000, podGcQuarantineMs: 300, namespaceRecheckMs: 500 }
  const log = { info: () => {}, warn: complain, error: complain }
  controllersRun = new AbortController()
  return runControllers({ client, clusterCidrs: ['10.244.0.0/16'], log, timings }, controllersRun.signal)
}

beforeEach(async () => {
  complaints.length = 0
  ;({ client, close } = await startApiServer())
  nodesRun = new AbortController()
  cluster = new SimulatedNodes(client, ['node-1', 'node-2'])
  running = [startControllers(), cluster.run(nodesRun.signal)]
  await client.create(namespaces, { metadata: { name: 'shop' } })
})

afterEach(async () => {
  controllersRun.abort()
  nodesRun.abort()
  await Promise.all(running)
  await close()
})

const eventually = (check: () => Promise<void>) => vi.waitFor(check, { timeout: 15_000, interval: 50 })
const inShop = { namespace: 'shop' }
const podsOf = async (app: string) => (await client.list(pods, { ...inShop, labelSelector: `app=${app}` })).items
const exists = async (read: Promise<unknown>) =>
  read.then(
    () => true,
    (error: unknown) => {
      if (isNotFound(error)) return false
      throw error
    },
  )

function app(name: string, replicas: number, image = 'v1'): Deployment {
  return {
    metadata: { ...inShop, name },
    spec: {
      replicas,
      selector: { matchLabels: { app: name } },
      template: {
        metadata: { labels: { app: name } },
        spec: {
          tolerations: [
            { key: 'node.kubernetes.io/unreachable', operator: 'Exists', effect: 'NoExecute', tolerationSeconds: 0 },
          ],
          containers: [{ name: 'web', image, ports: [{ name: 'http', containerPort: 8080 }] }],
        },
      },
    },
  }
}

const isRolledOut = async (name: string, replicas: number) => {
  const { status, metadata } = await client.get(deployments, { ...inShop, name })
  expect(status?.observedGeneration).toBe(metadata.generation)
  expect([status?.replicas, status?.updatedReplicas, status?.availableReplicas]).toEqual([replicas, replicas, replicas])
}

test('twenty deployments made at once get their pods, none too many', async () => {
  const names = Array.from({ length: 20 }, (_, i) => `app-${i}`)
  await Promise.all(names.map((name) => client.create(deployments, app(name, 5))))
  await eventually(async () => {
    for (const name of names) await isRolledOut(name, 5)
  })
  const said = (await client.list(events, inShop)).items.filter(({ reason }) => reason === 'SuccessfulCreate')
  expect(said.length).toBeLessThanOrEqual(100)
  expect((await client.list(pods, inShop)).items).toHaveLength(100)
  expect((await client.list(replicaSets, inShop)).items).toHaveLength(20)
  expect(complaints).toEqual([])
})

test('a rolling update replaces all pods, and undoing it takes the old replica set again', async () => {
  await client.create(deployments, app('web', 4))
  await eventually(() => isRolledOut('web', 4))
  for (const [image, revision] of [
    ['v2', '2'],
    ['v1', '3'],
  ]) {
    await client.patch(deployments, { ...inShop, name: 'web' }, mergePatch, { spec: app('web', 4, image).spec })
    await eventually(async () => {
      await isRolledOut('web', 4)
      const { metadata } = await client.get(deployments, { ...inShop, name: 'web' })
      expect(metadata.annotations?.['deployment.kubernetes.io/revision']).toBe(revision)
      expect((await podsOf('web')).map(({ spec }) => spec.containers[0]?.image)).toEqual(Array(4).fill(image))
    })
  }
  expect((await client.list(replicaSets, inShop)).items).toHaveLength(2)
})

test('a broken image stops at the surge and leaves the old pods in service', async () => {
  await client.create(deployments, app('web', 4))
  await eventually(() => isRolledOut('web', 4))
  await client.patch(deployments, { ...inShop, name: 'web' }, mergePatch, { spec: app('web', 4, 'broken').spec })
  await eventually(async () => {
    const { status } = await client.get(deployments, { ...inShop, name: 'web' })
    expect([status?.updatedReplicas, status?.availableReplicas, status?.unavailableReplicas]).toEqual([2, 3, 2])
  })
})

test('scaling up and down shows in the slices, and a second start of the controllers writes nothing', async () => {
  const ports = [{ name: 'http', port: 80, targetPort: 'http' }]
  await client.create(services, { metadata: { ...inShop, name: 'web' }, spec: { selector: { app: 'web' }, ports } })
  await client.create(deployments, app('web', 0))
  const inService = async (count: number) => {
    const { items } = await client.list(endpointSlices, inShop)
    const ready = items.flatMap((slice) => slice.endpoints ?? []).filter(({ conditions }) => conditions?.ready)
    expect(ready).toHaveLength(count)
    const { subsets } = await client.get(endpoints, { ...inShop, name: 'web' })
    expect(subsets?.[0]?.addresses ?? []).toHaveLength(count)
  }
  for (const replicas of [10, 0, 130]) {
    await client.patch(deployments, { ...inShop, name: 'web' }, mergePatch, { spec: { replicas } })
    await eventually(() => inService(replicas))
  }
  await eventually(() => isRolledOut('web', 130))
  controllersRun.abort()
  await running[0]
  const versions = async () => {
    const all = [
      ...(await client.list(endpointSlices, inShop)).items,
      ...(await client.list(endpoints, inShop)).items,
      ...(await client.list(deployments, inShop)).items,
      ...(await client.list(replicaSets, inShop)).items,
    ]
    return all.map(({ metadata }) => `${metadata.name} ${metadata.resourceVersion}`)
  }
  const before = await versions()
  running.push(startControllers())
  await client.create(namespaces, { metadata: { name: 'later' } })
  await client.create(deployments, { ...app('late', 1), metadata: { namespace: 'later', name: 'late' } })
  await eventually(async () => expect((await client.list(pods, { namespace: 'later' })).items).toHaveLength(1))
  expect(await versions()).toEqual(before)
})

test('a deleted namespace goes with all that is in it, and says what it waits for', async () => {
  await client.create(deployments, app('web', 3))
  const held: ObjectMeta = { ...inShop, name: 'held', finalizers: ['example.org/wait'] }
  await client.create(configMaps, { metadata: held })
  await eventually(() => isRolledOut('web', 3))
  await client.delete(namespaces, { name: 'shop' })
  await eventually(async () => {
    const { status } = await client.get(namespaces, { name: 'shop' })
    const messages = status?.conditions?.map(({ message }) => message)
    expect(messages).toContain('Some resources are remaining: configmaps. has 1 resource instances')
  })
  await client.patch(configMaps, { ...inShop, name: 'held' }, mergePatch, { metadata: { finalizers: [] } })
  await eventually(async () => expect(await exists(client.get(namespaces, { name: 'shop' }))).toBe(false))
  expect((await client.list(pods, inShop)).items).toEqual([])
})

test.each([
  ['Background', 0],
  ['Foreground', 0],
  ['Orphan', 2],
] as const)('deleting a deployment with propagation %s leaves %i pods', async (propagationPolicy, left) => {
  await client.create(deployments, app('web', 2))
  await eventually(() => isRolledOut('web', 2))
  await client.delete(deployments, { ...inShop, name: 'web' }, { propagationPolicy })
  await eventually(async () => {
    expect(await exists(client.get(deployments, { ...inShop, name: 'web' }))).toBe(false)
    expect(await podsOf('web')).toHaveLength(left)
    const owners = (await client.list(replicaSets, inShop)).items.map(({ metadata }) => metadata.ownerReferences ?? [])
    expect(owners).toEqual(left === 0 ? [] : [[]])
  })
})

test('an owner in another namespace counts as gone', async () => {
  const owner = await client.create(configMaps, { metadata: { namespace: 'default', name: 'owner' } })
  const reference = { apiVersion: 'v1', kind: 'ConfigMap', name: 'owner', uid: owner.metadata.uid }
  await client.create(configMaps, { metadata: { ...inShop, name: 'child', ownerReferences: [reference] } })
  await eventually(async () => expect(await exists(client.get(configMaps, { ...inShop, name: 'child' }))).toBe(false))
})

test('pods of a silent node are replaced; when the node is deleted they go for good, with its range', async () => {
  await client.create(deployments, app('web', 4))
  await eventually(() => isRolledOut('web', 4))
  const lost = (await podsOf('web'))
    .filter(({ spec }) => spec.nodeName === 'node-2')
    .map(({ metadata }) => metadata.uid)
  expect(lost).toHaveLength(2)
  cluster.silence('node-2')
  await eventually(async () => {
    const { spec, status } = await client.get(nodes, { name: 'node-2' })
    expect(spec.taints?.map(({ key, effect }) => `${key}:${effect}`)).toContain(
      'node.kubernetes.io/unreachable:NoExecute',
    )
    expect(status?.conditions?.find(({ type }) => type === 'Ready')?.status).toBe('Unknown')
    await isRolledOut('web', 4)
    const fresh = (await podsOf('web')).filter(({ metadata }) => !lost.includes(metadata.uid))
    expect(fresh.map(({ spec }) => spec.nodeName)).toEqual(Array(4).fill('node-1'))
  })
  expect((await podsOf('web')).filter(({ metadata }) => lost.includes(metadata.uid))).toHaveLength(2)
  await client.delete(nodes, { name: 'node-2' })
  await eventually(async () => expect(await podsOf('web')).toHaveLength(4))
})

test('a pod that matches is adopted, one that is relabelled is let go and replaced', async () => {
  await client.create(deployments, app('web', 2))
  await eventually(() => isRolledOut('web', 2))
  const [pod] = await podsOf('web')
  const name = { ...inShop, name: pod?.metadata.name ?? '' }
  await client.patch(pods, name, mergePatch, { metadata: { labels: { app: 'debug' } } })
  await eventually(async () => {
    expect((await client.get(pods, name)).metadata.ownerReferences ?? []).toEqual([])
    await isRolledOut('web', 2)
    expect(await podsOf('web')).toHaveLength(2)
  })
  await client.patch(pods, name, mergePatch, { metadata: { labels: { app: 'web' } } })
  await eventually(async () => {
    const all = await podsOf('web')
    expect(all).toHaveLength(2)
    expect(all.every(({ metadata }) => metadata.ownerReferences?.length === 1)).toBe(true)
  })
})
