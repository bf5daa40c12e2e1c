// Services, Endpoints and EndpointSlices through all that clients do with them, as Kubernetes' conformance asks for it.

import { afterEach, beforeEach, expect, test } from 'vitest'
import type { ServiceSpec } from '../../../api/generated/types.ts'
import { endpointSlices } from '../../../api/resources/endpoint-slices.ts'
import { endpoints } from '../../../api/resources/endpoints.ts'
import { pathOf, type Resource } from '../../../api/resources/resource.ts'
import { services } from '../../../api/resources/services.ts'
import { startApiServer, type TestApiServer } from '../../support/start-api-server.ts'

const namespace = 'default'
const mergePatch = 'application/merge-patch+json'
let api: TestApiServer
beforeEach(async () => {
  api = await startApiServer({ nodePortRange: { from: 30_000, to: 30_000 } })
})
afterEach(() => api.close())

const create = (name: string, spec: ServiceSpec = { ports: [{ port: 80 }] }, labels: Record<string, string> = {}) =>
  api.client.create(services, { metadata: { namespace, name, labels }, spec })
const change = async (name: string, spec: object) =>
  (await api.client.patch(services, { namespace, name }, mergePatch, { spec })).spec

async function deleteAll(resource: Resource, labelSelector: string): Promise<number> {
  const path = `${pathOf(resource, { namespace })}?labelSelector=${encodeURIComponent(labelSelector)}`
  return (await api.transport.send({ method: 'DELETE', path, headers: {} })).status
}

const namesOf = async (resource: Resource) =>
  (await api.client.list(resource, { namespace })).items.map(({ metadata }) => metadata.name)

test('a Service that becomes a mere name gives back its address, and gets one again', async () => {
  const { spec } = await create('web')
  const named = await change('web', { type: 'ExternalName', externalName: 'example.com' })
  expect([named.clusterIP, named.clusterIPs, named.ipFamilies]).toEqual([undefined, undefined, undefined])
  expect((await create('other', { ports: [{ port: 80 }], clusterIP: spec.clusterIP })).spec.clusterIP).toBe(
    spec.clusterIP,
  )
  const again = await change('web', { type: 'ClusterIP', externalName: null })
  expect(again.clusterIP).toMatch(/^10\.96\./)
  expect(again.clusterIP).not.toBe(spec.clusterIP)
})

test('a mere name that becomes a node port gets address and port, and gives both back', async () => {
  await create('web', { type: 'ExternalName', externalName: 'example.com' })
  const exposed = await change('web', { type: 'NodePort', externalName: null, ports: [{ port: 80 }] })
  expect([exposed.clusterIP, exposed.ports?.[0]?.nodePort]).toEqual([expect.stringMatching(/^10\.96\./), 30_000])
  await expect(create('late', { type: 'NodePort', ports: [{ port: 80 }] })).rejects.toThrow('range is full')
  await change('web', { type: 'ExternalName', externalName: 'example.com', ports: null })
  expect((await create('late', { type: 'NodePort', ports: [{ port: 80 }] })).spec.ports?.[0]?.nodePort).toBe(30_000)
})

test('one port number serves two protocols', async () => {
  const { spec } = await create('dns', {
    ports: [
      { name: 'udp', port: 53, protocol: 'UDP' },
      { name: 'tcp', port: 53, protocol: 'TCP' },
    ],
  })
  expect(spec.ports?.map(({ protocol }) => protocol)).toEqual(['UDP', 'TCP'])
  expect((await change('dns', { ports: [{ name: 'udp', port: 53, protocol: 'UDP' }] })).ports).toHaveLength(1)
})

test('the status of a Service is written by its own door, and the Service by the other', async () => {
  const { metadata } = await create('web')
  const status = { loadBalancer: { ingress: [{ ip: '203.0.113.1' }] } }
  const patched = await api.client.patch(services, metadata, mergePatch, { status }, { subresource: 'status' })
  expect(patched.status?.loadBalancer?.ingress?.[0]?.ip).toBe('203.0.113.1')
  const labelled = await api.client.patch(services, metadata, mergePatch, {
    metadata: { labels: { a: 'b' } },
    status: { loadBalancer: null },
  })
  expect([labelled.metadata.labels, labelled.status]).toEqual([{ a: 'b' }, patched.status])
})

test('Services, Endpoints and slices are deleted many at a time, by label', async () => {
  for (const name of ['one', 'two']) {
    await create(name, undefined, { go: 'yes' })
    await api.client.create(endpoints, { metadata: { namespace, name, labels: { go: 'yes' } } })
    const metadata = { namespace, name, labels: { go: 'yes' } }
    await api.client.create(endpointSlices, { metadata, addressType: 'IPv4', endpoints: [] })
  }
  await create('three')
  for (const resource of [services, endpoints, endpointSlices]) expect(await deleteAll(resource, 'go=yes')).toBe(200)
  expect((await namesOf(services)).sort()).toEqual(['kubernetes', 'three'])
  expect([await namesOf(endpoints), await namesOf(endpointSlices)]).toEqual([['kubernetes'], ['kubernetes']])
})

test('hand-made Endpoints are updated and patched with other addresses', async () => {
  const subsets = (ip: string) => [{ addresses: [{ ip }], ports: [{ port: 80 }] }]
  const made = await api.client.create(endpoints, {
    metadata: { namespace, name: 'hand' },
    subsets: subsets('192.0.2.1'),
  })
  const updated = await api.client.update(endpoints, { ...made, subsets: subsets('192.0.2.2') })
  expect(updated.subsets?.[0]?.addresses?.[0]?.ip).toBe('192.0.2.2')
  const patched = await api.client.patch(endpoints, made.metadata, mergePatch, { subsets: subsets('192.0.2.3') })
  expect(patched.subsets?.[0]?.ports).toEqual([{ port: 80, protocol: 'TCP' }])
  expect(patched.subsets?.[0]?.addresses?.[0]?.ip).toBe('192.0.2.3')
})
