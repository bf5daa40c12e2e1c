import { afterEach, beforeEach, expect, test } from 'vitest'
import type { ServiceSpec } from '../../../api/generated/types.ts'
import { isInvalid } from '../../../api/objects/status-error.ts'
import { services } from '../../../api/resources/services.ts'
import { startApiServer, type TestApiServer } from '../../support/start-api-server.ts'

let server: TestApiServer
beforeEach(async () => {
  // Room for five Services beside default/kubernetes, and for two node ports.
  server = await startApiServer({ serviceCidrs: ['10.96.0.0/29'], nodePortRange: { from: 30_000, to: 30_001 } })
})
afterEach(() => server.close())

const make = (name: string, spec: ServiceSpec = {}) =>
  server.client.create(services, { metadata: { namespace: 'default', name }, spec: { ports: [{ port: 80 }], ...spec } })

test('Services made at once get different addresses, and a deleted one gives its address back', async () => {
  const made = await Promise.all(['a', 'b', 'c', 'd', 'e'].map((name) => make(name)))
  expect(new Set(made.map(({ spec }) => spec.clusterIP)).size).toBe(5)
  await expect(make('f')).rejects.toThrow('range is full')
  await server.client.delete(services, { namespace: 'default', name: 'c' })
  const [, , c] = made
  expect((await make('f')).spec.clusterIP).toBe(c?.spec.clusterIP)
})

test('an address that is taken or out of range is refused', async () => {
  expect((await make('a', { clusterIP: '10.96.0.5' })).spec.clusterIPs).toEqual(['10.96.0.5'])
  await expect(make('b', { clusterIP: '10.96.0.5' })).rejects.toSatisfy(isInvalid)
  await expect(make('c', { clusterIP: '10.97.0.5' })).rejects.toThrow('not in the valid range')
})

test('a headless Service has no address, a named one neither', async () => {
  expect((await make('a', { clusterIP: 'None' })).spec.clusterIPs).toEqual(['None'])
  const named = await make('b', { type: 'ExternalName', externalName: 'example.com' })
  expect(named.spec.clusterIP ?? '').toBe('')
})

test('node ports are given, kept by updates, and released when the type changes', async () => {
  const a = await make('a', { type: 'NodePort' })
  const b = await make('b', { type: 'NodePort' })
  const ports = [a, b].map(({ spec }) => spec.ports?.[0]?.nodePort)
  expect(ports.toSorted()).toEqual([30_000, 30_001])
  await expect(make('c', { type: 'NodePort' })).rejects.toThrow('range is full')
  await expect(make('c', { type: 'NodePort', ports: [{ port: 80, nodePort: 30_000 }] })).rejects.toThrow(
    'provided port is already allocated',
  )
  const changed = await server.client.update(services, { ...a, metadata: { ...a.metadata, labels: { x: 'y' } } })
  expect(changed.spec.ports?.[0]?.nodePort).toBe(ports[0])
  const name = { namespace: 'default', name: 'a' }
  await server.client.patch(services, name, 'application/merge-patch+json', {
    spec: { type: 'ClusterIP', ports: [{ port: 80 }] },
  })
  expect((await make('c', { type: 'NodePort' })).spec.ports?.[0]?.nodePort).toBe(ports[0])
})

test('a balanced Service with the policy Local has a health check port, given back when it changes', async () => {
  const spec: ServiceSpec = {
    type: 'LoadBalancer',
    externalTrafficPolicy: 'Local',
    allocateLoadBalancerNodePorts: false,
  }
  const a = await make('a', spec)
  const b = await make('b', { ...spec, healthCheckNodePort: a.spec.healthCheckNodePort === 30_000 ? 30_001 : 30_000 })
  expect([a, b].map((service) => service.spec.healthCheckNodePort).sort()).toEqual([30_000, 30_001])
  await expect(make('c', { ...spec, healthCheckNodePort: 30_000 })).rejects.toThrow('already allocated')
  await expect(make('c', spec)).rejects.toThrow('range is full')
  const changed = await server.client.patch(
    services,
    { namespace: 'default', name: 'a' },
    'application/merge-patch+json',
    { spec: { externalTrafficPolicy: 'Cluster' } },
  )
  expect(changed.spec.healthCheckNodePort ?? 0).toBe(0)
  expect((await make('c', spec)).spec.healthCheckNodePort).toBe(a.spec.healthCheckNodePort)
})
