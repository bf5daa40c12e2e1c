// EndpointSlices that controllers make of hand-made Endpoints and of nodes' zones, against a real API server.

import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import type { Client } from '../../../api/client/client.ts'
import type { EndpointSlice } from '../../../api/generated/types.ts'
import type { Stored } from '../../../api/objects/object.ts'
import { endpointSlices } from '../../../api/resources/endpoint-slices.ts'
import { endpoints } from '../../../api/resources/endpoints.ts'
import { nodes } from '../../../api/resources/nodes.ts'
import { pods } from '../../../api/resources/pods.ts'
import { services } from '../../../api/resources/services.ts'
import { runControllers } from '../../../control-plane/controllers/manager.ts'
import { startApiServer } from '../../support/start-api-server.ts'

let client: Client
let end: () => Promise<void>
const inDefault = { namespace: 'default' }
const mergePatch = 'application/merge-patch+json'

beforeEach(async () => {
  const server = await startApiServer()
  client = server.client
  const stop = new AbortController()
  const log = { info: () => {}, warn: console.warn, error: console.error }
  const running = runControllers({ client, clusterCidrs: ['10.244.0.0/16'], log }, stop.signal)
  end = async () => {
    stop.abort()
    await running
    await server.close()
  }
})

afterEach(() => end())

const eventually = <T>(check: () => Promise<T>) => vi.waitFor(check, { timeout: 15_000, interval: 30 })

async function slicesOf(service: string): Promise<Stored<EndpointSlice>[]> {
  const labelSelector = `kubernetes.io/service-name=${service}`
  return (await client.list(endpointSlices, { ...inDefault, labelSelector })).items
}

test('hand-made Endpoints are mirrored, family by family, followed through changes, and unmirrored when they go', async () => {
  await client.create(services, { metadata: { ...inDefault, name: 'db' }, spec: { ports: [{ port: 5432 }] } })
  const ports = [{ port: 5432 }]
  await client.create(endpoints, {
    metadata: { ...inDefault, name: 'db' },
    subsets: [
      { addresses: [{ ip: '192.0.2.5' }, { ip: '2001:db8::5' }], notReadyAddresses: [{ ip: '192.0.2.6' }], ports },
    ],
  })
  const content = async () =>
    (await slicesOf('db'))
      .map((slice) => [
        slice.addressType,
        slice.endpoints?.map(({ addresses, conditions }) => [addresses[0], conditions?.ready]),
        slice.ports?.map(({ port }) => port),
      ])
      .sort()
  await eventually(async () =>
    expect(await content()).toEqual([
      [
        'IPv4',
        [
          ['192.0.2.5', true],
          ['192.0.2.6', false],
        ],
        [5432],
      ],
      ['IPv6', [['2001:db8::5', true]], [5432]],
    ]),
  )
  const [slice] = await slicesOf('db')
  expect(slice?.metadata.labels).toMatchObject({
    'endpointslice.kubernetes.io/managed-by': 'endpointslicemirroring-controller.k8s.io',
  })
  await client.patch(endpoints, { ...inDefault, name: 'db' }, mergePatch, {
    subsets: [{ addresses: [{ ip: '192.0.2.7' }], ports }],
  })
  await eventually(async () => expect(await content()).toEqual([['IPv4', [['192.0.2.7', true]], [5432]]]))
  await client.delete(endpoints, { ...inDefault, name: 'db' })
  await eventually(async () => expect(await content()).toEqual([]))
})

test('Endpoints that ask not to be mirrored are not, nor are those of a Service with a selector', async () => {
  const skip = { 'endpointslice.kubernetes.io/skip-mirror': 'true' }
  const subsets = [{ addresses: [{ ip: '192.0.2.5' }], ports: [{ port: 80 }] }]
  await client.create(services, { metadata: { ...inDefault, name: 'quiet' }, spec: { ports: [{ port: 80 }] } })
  await client.create(endpoints, { metadata: { ...inDefault, name: 'quiet', labels: skip }, subsets })
  await client.create(services, { metadata: { ...inDefault, name: 'loud' }, spec: { ports: [{ port: 80 }] } })
  await client.create(endpoints, { metadata: { ...inDefault, name: 'loud' }, subsets })
  await eventually(async () => expect(await slicesOf('loud')).toHaveLength(1))
  expect(await slicesOf('quiet')).toEqual([])
  await client.patch(services, { ...inDefault, name: 'loud' }, mergePatch, { spec: { selector: { app: 'loud' } } })
  await eventually(async () => {
    const managers = (await slicesOf('loud')).map(
      ({ metadata }) => metadata.labels?.['endpointslice.kubernetes.io/managed-by'],
    )
    expect(managers).toEqual(['endpointslice-controller.k8s.io'])
  })
})

test("endpoints carry their node's zone, and hints where the Service prefers short ways", async () => {
  const zoned = (zone: string) => ({ labels: { 'topology.kubernetes.io/zone': zone } })
  await client.create(nodes, { metadata: { name: 'n1', ...zoned('east') } })
  await client.create(services, {
    metadata: { ...inDefault, name: 'web' },
    spec: { selector: { app: 'web' }, ports: [{ port: 80 }], trafficDistribution: 'PreferClose' },
  })
  await client.create(pods, {
    metadata: { ...inDefault, name: 'web', labels: { app: 'web' } },
    spec: { nodeName: 'n1', containers: [{ name: 'web', image: 'web' }] },
  })
  await client.patch(
    pods,
    { ...inDefault, name: 'web' },
    mergePatch,
    { status: { phase: 'Running', podIP: '10.244.0.5', podIPs: [{ ip: '10.244.0.5' }] } },
    { subresource: 'status' },
  )
  const place = async () =>
    (await slicesOf('web')).flatMap(({ endpoints: all }) => all?.map(({ zone, hints }) => [zone, hints]))
  await eventually(async () => expect(await place()).toEqual([['east', { forZones: [{ name: 'east' }] }]]))
  await client.patch(nodes, { name: 'n1' }, mergePatch, { metadata: zoned('west') })
  await eventually(async () => expect(await place()).toEqual([['west', { forZones: [{ name: 'west' }] }]]))
})
