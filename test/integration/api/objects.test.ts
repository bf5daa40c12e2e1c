import { afterEach, beforeEach, expect, test } from 'vitest'
import type { Pod } from '../../../api/generated/types.ts'
import { isAlreadyExists, isConflict, isNotFound } from '../../../api/objects/status-error.ts'
import { configMaps } from '../../../api/resources/config-maps.ts'
import { deployments } from '../../../api/resources/deployments.ts'
import { namespaces } from '../../../api/resources/namespaces.ts'
import { pods } from '../../../api/resources/pods.ts'
import { services } from '../../../api/resources/services.ts'
import { startApiServer, type TestApiServer } from '../../support/start-api-server.ts'

let server: TestApiServer
beforeEach(async () => {
  server = await startApiServer()
})
afterEach(() => server.close())

const pod = (name: string, spec: Partial<Pod['spec']> = {}): Pod => ({
  metadata: { name, namespace: 'default', labels: { app: name } },
  spec: { containers: [{ name: 'main', image: 'fairlead/testbox' }], ...spec },
})
const inDefault = (name: string) => ({ namespace: 'default', name })

test('the first namespaces and the kubernetes Service are there at the start', async () => {
  const { items } = await server.client.list(namespaces)
  expect(items.map(({ metadata }) => metadata.name)).toEqual([
    'default',
    'kube-node-lease',
    'kube-public',
    'kube-system',
  ])
  const service = await server.client.get(services, inDefault('kubernetes'))
  expect(service.spec.clusterIP).toBe('10.96.0.1')
})

test('an object lives from create to delete, and resourceVersion guards updates', async () => {
  const { client } = server
  const created = await client.create(configMaps, { metadata: inDefault('a'), data: { k: '1' } })
  expect(created.metadata.uid).toMatch(/^[0-9a-f-]{36}$/)
  const updated = await client.update(configMaps, { ...created, data: { k: '2' } })
  expect(Number(updated.metadata.resourceVersion)).toBeGreaterThan(Number(created.metadata.resourceVersion))
  await expect(client.update(configMaps, { ...created, data: { k: '3' } })).rejects.toSatisfy(isConflict)
  const same = await client.update(configMaps, updated)
  expect(same.metadata.resourceVersion).toBe(updated.metadata.resourceVersion)
  await expect(client.create(configMaps, { metadata: inDefault('a') })).rejects.toSatisfy(isAlreadyExists)
  await client.delete(configMaps, inDefault('a'))
  await expect(client.get(configMaps, inDefault('a'))).rejects.toSatisfy(isNotFound)
})

test('patches of two writers at once are both kept', async () => {
  const { client } = server
  await client.create(configMaps, { metadata: inDefault('a') })
  const keys = Array.from({ length: 20 }, (_, index) => `k${index}`)
  await Promise.all(
    keys.map((key) =>
      client.patch(configMaps, inDefault('a'), 'application/merge-patch+json', { data: { [key]: 'x' } }),
    ),
  )
  const { data } = await client.get(configMaps, inDefault('a'))
  expect(Object.keys(data ?? {}).sort()).toEqual(keys.sort())
})

test('a pod on a node is deleted by the kubelet in the end, an unscheduled one at once', async () => {
  const { client } = server
  await client.create(pods, pod('free'))
  await client.delete(pods, inDefault('free'))
  await expect(client.get(pods, inDefault('free'))).rejects.toSatisfy(isNotFound)

  await client.create(pods, pod('bound'))
  await client.createSubresource(pods, inDefault('bound'), 'binding', { target: { kind: 'Node', name: 'node-1' } })
  await expect(
    client.createSubresource(pods, inDefault('bound'), 'binding', { target: { kind: 'Node', name: 'node-2' } }),
  ).rejects.toSatisfy(isConflict)
  await client.delete(pods, inDefault('bound'))
  const { metadata, spec, status } = await client.get(pods, inDefault('bound'))
  expect(spec.nodeName).toBe('node-1')
  expect(status?.conditions?.map(({ type }) => type)).toContain('PodScheduled')
  expect(metadata.deletionGracePeriodSeconds).toBe(30)
  await expect(
    client.delete(pods, inDefault('bound'), { gracePeriodSeconds: 0, preconditions: { uid: 'another' } }),
  ).rejects.toSatisfy(isConflict)
  await client.delete(pods, inDefault('bound'), { gracePeriodSeconds: 0, preconditions: { uid: metadata.uid } })
  await expect(client.get(pods, inDefault('bound'))).rejects.toSatisfy(isNotFound)
})

test('a finalizer holds an object until it is taken away', async () => {
  const { client } = server
  await client.create(configMaps, { metadata: { ...inDefault('held'), finalizers: ['example.com/hold'] } })
  await client.delete(configMaps, inDefault('held'))
  const held = await client.get(configMaps, inDefault('held'))
  expect(held.metadata.deletionTimestamp).toBeDefined()
  await client.patch(configMaps, inDefault('held'), 'application/merge-patch+json', { metadata: { finalizers: null } })
  await expect(client.get(configMaps, inDefault('held'))).rejects.toSatisfy(isNotFound)
})

test('nothing is created in a namespace that is absent or going away', async () => {
  const { client } = server
  await expect(client.create(configMaps, { metadata: { namespace: 'nowhere', name: 'a' } })).rejects.toThrow(
    'namespaces "nowhere" not found',
  )
  await client.create(namespaces, { metadata: { name: 'leaving' } })
  await client.delete(namespaces, { name: 'leaving' })
  expect((await client.get(namespaces, { name: 'leaving' })).status?.phase).toBe('Terminating')
  await expect(client.create(configMaps, { metadata: { namespace: 'leaving', name: 'a' } })).rejects.toThrow(
    'because it is being terminated',
  )
  const leaving = await client.get(namespaces, { name: 'leaving' })
  await client.update(namespaces, { ...leaving, spec: { finalizers: [] } }, { subresource: 'finalize' })
  await expect(client.get(namespaces, { name: 'leaving' })).rejects.toSatisfy(isNotFound)
})

test('the status door changes the status alone, the main door all but the status', async () => {
  const { client } = server
  const labels = { app: 'web' }
  const web = await client.create(deployments, {
    metadata: inDefault('web'),
    spec: {
      selector: { matchLabels: labels },
      template: { metadata: { labels }, spec: { containers: [{ name: 'c', image: 'i' }] } },
    },
  })
  expect(web.spec.replicas).toBe(1)
  const sent = { ...web, spec: { ...web.spec, replicas: 9 }, status: { replicas: 5 } }
  const afterStatus = await client.update(deployments, sent, { subresource: 'status' })
  expect([afterStatus.spec.replicas, afterStatus.status?.replicas]).toEqual([1, 5])
  const scale = { metadata: inDefault('web'), spec: { replicas: 3 } }
  await client.patch(deployments, inDefault('web'), 'application/merge-patch+json', scale, { subresource: 'scale' })
  const scaled = await client.get(deployments, inDefault('web'))
  expect([scaled.spec.replicas, scaled.status?.replicas, scaled.metadata.generation]).toEqual([3, 5, 2])
})

test('generateName gives unused names', async () => {
  const make = () => server.client.create(configMaps, { metadata: { namespace: 'default', generateName: 'gen-' } })
  const made = await Promise.all(Array.from({ length: 10 }, make))
  expect(new Set(made.map(({ metadata }) => metadata.name)).size).toBe(10)
  expect(made[0]?.metadata.name).toMatch(/^gen-[bcdfghjklmnpqrstvwxz2456789]{5}$/)
})

test('a dry run answers as if and writes nothing', async () => {
  const { client } = server
  const made = await client.create(configMaps, { metadata: inDefault('dry') }, { dryRun: true })
  expect(made.metadata.name).toBe('dry')
  await expect(client.get(configMaps, inDefault('dry'))).rejects.toSatisfy(isNotFound)
})
