// DNS against a real API server: what is written there is what names lead to.

import { afterAll, beforeAll, test } from 'vitest'
import { Cluster } from '../../addons/dns/cluster.ts'
import { failure } from '../../addons/dns/message.ts'
import { Resolver } from '../../addons/dns/resolver.ts'
import type { EndpointSlice, Service } from '../../api/generated/types.ts'
import { endpointSlices } from '../../api/resources/endpoint-slices.ts'
import { services } from '../../api/resources/services.ts'
import { startApiServer, type TestApiServer } from '../support/start-api-server.ts'

let api: TestApiServer
let cluster: Cluster
let resolver: Resolver
let following: Promise<void>
const stop = new AbortController()

beforeAll(async () => {
  api = await startApiServer()
  cluster = new Cluster(api.client, console.warn)
  following = cluster.run(stop.signal)
  await cluster.synced()
  resolver = new Resolver({
    lookup: cluster,
    zone: 'cluster.local',
    ttl: 5,
    ownService: 'kube-system/kube-dns',
    forward: () => Promise.resolve(failure('REFUSED')),
  })
})
afterAll(async () => {
  stop.abort()
  await following
  await api.close()
})

async function addressesOf(name: string, type: 'A' | 'AAAA' = 'A'): Promise<string[]> {
  const { answers } = await resolver.resolve({ name: `${name}.default.svc.cluster.local`, type })
  return answers.flatMap((record) => ('data' in record ? String(record.data) : [])).sort()
}

/** Waits for the watch to bring what was written: the test's own patience is the limit. */
async function untilAddresses(name: string, wanted: readonly string[]): Promise<void> {
  while (JSON.stringify(await addressesOf(name)) !== JSON.stringify(wanted))
    await new Promise((resolve) => setTimeout(resolve, 5))
}

const webService = (clusterIP?: string): Service => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name: 'web', namespace: 'default' },
  spec: { ports: [{ port: 80 }], ...(clusterIP !== undefined && { clusterIP }) },
})

const slice = (address: string, ready: boolean): EndpointSlice => ({
  apiVersion: 'discovery.k8s.io/v1',
  kind: 'EndpointSlice',
  metadata: { name: 'web-1', namespace: 'default', labels: { 'kubernetes.io/service-name': 'web' } },
  addressType: 'IPv4',
  endpoints: [{ addresses: [address], conditions: { ready } }],
  ports: [{ name: '', port: 80, protocol: 'TCP' }],
})

test('the API server’s own Service resolves', async () => {
  await untilAddresses('kubernetes', ['10.96.0.1'])
})

test('a name comes with its Service, follows its endpoints, and goes with it', async () => {
  const { spec } = await api.client.create(services, webService())
  await untilAddresses('web', [spec.clusterIP ?? ''])
  await api.client.delete(services, { namespace: 'default', name: 'web' })
  await untilAddresses('web', [])

  await api.client.create(services, webService('None'))
  const made = await api.client.create(endpointSlices, slice('10.244.0.9', true))
  await untilAddresses('web', ['10.244.0.9'])
  const { resourceVersion } = made.metadata
  await api.client.update(endpointSlices, {
    ...slice('10.244.0.9', false),
    metadata: { ...made.metadata, resourceVersion },
  })
  await untilAddresses('web', [])
})

test('an ExternalName becomes a ClusterIP: the alias becomes an address', async () => {
  const external = { ...webService(), metadata: { name: 'moved', namespace: 'default' } }
  const made = await api.client.create(services, {
    ...external,
    spec: { type: 'ExternalName', externalName: 'www.example.com' },
  })
  await untilAddresses('moved', ['www.example.com'])
  const updated = await api.client.update(services, {
    ...external,
    metadata: made.metadata,
    spec: { type: 'ClusterIP', ports: [{ port: 80 }] },
  })
  await untilAddresses('moved', [updated.spec.clusterIP ?? ''])
})
