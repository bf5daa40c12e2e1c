// The cloud controllers against a real API server: the built-in address pool, and a provider with machines and routes.

import { afterEach, expect, test, vi } from 'vitest'
import type { Client } from '../../../api/client/client.ts'
import type { Service, ServiceSpec } from '../../../api/generated/types.ts'
import { isAnnounced } from '../../../api/net/announced.ts'
import { isNotFound } from '../../../api/objects/status-error.ts'
import { events } from '../../../api/resources/events.ts'
import { nodes } from '../../../api/resources/nodes.ts'
import { services } from '../../../api/resources/services.ts'
import { makeBareMetal } from '../../../control-plane/controllers/cloud/bare-metal/bare-metal.ts'
import type { CloudProvider, CloudRoute } from '../../../control-plane/controllers/cloud/provider.ts'
import { runControllers } from '../../../control-plane/controllers/manager.ts'
import { startApiServer } from '../../support/start-api-server.ts'

let client: Client
const ends: (() => Promise<unknown>)[] = []

async function start(): Promise<void> {
  const server = await startApiServer()
  client = server.client
  ends.push(server.close)
}

/** Starts the controllers; returns what stops them. */
function runWith(cloud: CloudProvider): () => Promise<void> {
  const stop = new AbortController()
  const log = { info: () => {}, warn: console.warn, error: console.error }
  const running = runControllers({ client, clusterCidrs: ['10.244.0.0/16'], log, cloud }, stop.signal)
  const end = async () => {
    stop.abort()
    await running
  }
  ends.unshift(end)
  return end
}

afterEach(async () => {
  for (const end of ends.splice(0)) await end()
})

const eventually = <T>(check: () => Promise<T>) => vi.waitFor(check, { timeout: 15_000, interval: 30 })
const why = { reason: 'Test', message: '', lastTransitionTime: '2026-01-01T00:00:00Z' }
const inDefault = { namespace: 'default' }

async function balancer(name: string, spec: ServiceSpec = {}, annotations: Record<string, string> = {}) {
  const service: Service = {
    metadata: { ...inDefault, name, annotations },
    spec: { type: 'LoadBalancer', ports: [{ port: 80 }], ...spec },
  }
  await client.create(services, service)
}

async function addressesOf(name: string): Promise<(string | undefined)[]> {
  const { status } = await client.get(services, { ...inDefault, name })
  return (status?.loadBalancer?.ingress ?? []).map(({ ip }) => ip)
}

test('Services get addresses of the pool, one that waits gets what another gives back', async () => {
  await start()
  runWith(makeBareMetal(['192.0.2.200-192.0.2.201']))
  await balancer('first')
  await eventually(async () => expect(await addressesOf('first')).toEqual(['192.0.2.200']))
  await balancer('second', { loadBalancerIP: '192.0.2.201' })
  await eventually(async () => expect(await addressesOf('second')).toEqual(['192.0.2.201']))
  await balancer('third')
  await eventually(async () => {
    const { items } = await client.list(events, inDefault)
    expect(items.map(({ reason, involvedObject }) => [reason, involvedObject?.name])).toContainEqual([
      'SyncLoadBalancerFailed',
      'third',
    ])
  })
  expect(await addressesOf('third')).toEqual([])
  await client.delete(services, { ...inDefault, name: 'first' })
  await eventually(async () => expect(await addressesOf('third')).toEqual(['192.0.2.200']))
  await expect(client.get(services, { ...inDefault, name: 'first' })).rejects.toSatisfy(isNotFound)
})

test('a later life adopts what was given, and a Service that wants no balancer any more gives it back', async () => {
  await start()
  const stop = runWith(makeBareMetal(['192.0.2.200-192.0.2.209']))
  for (const name of ['one', 'two']) await balancer(name)
  await eventually(async () => expect((await addressesOf('two')).length).toBe(1))
  await eventually(async () => expect((await addressesOf('one')).length).toBe(1))
  const before = [await addressesOf('one'), await addressesOf('two')]
  await stop()
  runWith(makeBareMetal(['192.0.2.200-192.0.2.209']))
  await balancer('three')
  await eventually(async () => expect((await addressesOf('three')).length).toBe(1))
  expect([await addressesOf('one'), await addressesOf('two')]).toEqual(before)
  expect(before.flat()).not.toContain((await addressesOf('three'))[0])
  await client.patch(services, { ...inDefault, name: 'one' }, 'application/merge-patch+json', {
    spec: { type: 'ClusterIP' },
  })
  await eventually(async () => {
    const { metadata } = await client.get(services, { ...inDefault, name: 'one' })
    expect(metadata.finalizers ?? []).toEqual([])
  })
  expect(await addressesOf('one')).toEqual([])
})

test('a wanted address moves the Service to it; one of another Service, outside the pool or of another class is refused', async () => {
  await start()
  runWith(makeBareMetal(['192.0.2.200-192.0.2.209']))
  await balancer('web')
  await eventually(async () => expect(await addressesOf('web')).toEqual(['192.0.2.200']))
  const annotate = (value: string) =>
    client.patch(services, { ...inDefault, name: 'web' }, 'application/merge-patch+json', {
      metadata: { annotations: { 'fairlead.io/load-balancer-ips': value } },
    })
  await annotate('192.0.2.205')
  await eventually(async () => expect(await addressesOf('web')).toEqual(['192.0.2.205']))
  await balancer('rival', { loadBalancerIP: '192.0.2.205' })
  await balancer('stranger', { loadBalancerIP: '198.51.100.1' })
  await balancer('other', { loadBalancerClass: 'example.com/other' })
  await eventually(async () => {
    const { items } = await client.list(events, inDefault)
    const messages = items.filter(({ reason }) => reason === 'SyncLoadBalancerFailed').map(({ message }) => message)
    expect(messages).toContain('address 192.0.2.205 belongs to Service default/web')
    expect(messages).toContain('address 198.51.100.1 is not in the address pool')
  })
  expect([await addressesOf('rival'), await addressesOf('stranger'), await addressesOf('other')]).toEqual([[], [], []])
})

test('nodes are told to take addresses of the pool, and not those of a provider that answers for its own', async () => {
  await start()
  const stop = runWith(makeBareMetal(['192.0.2.200-192.0.2.209']))
  await balancer('web')
  const web = () => client.get(services, { ...inDefault, name: 'web' })
  await eventually(async () => expect(await addressesOf('web')).toEqual(['192.0.2.200']))
  expect(isAnnounced(await web())).toBe(true)
  const foreign = { ...why, type: 'example.com/Other', status: 'True' }
  const { status } = await web()
  await client.patch(
    services,
    { ...inDefault, name: 'web' },
    'application/merge-patch+json',
    { status: { conditions: [...(status?.conditions ?? []), foreign] } },
    { subresource: 'status' },
  )
  await stop()
  const given = { ingress: [{ ip: '192.0.2.200', ipMode: 'VIP' }] }
  runWith({
    name: 'rack',
    balancers: {
      loadBalancerClass: 'example.com/rack',
      adopt: () => {},
      ensure: async () => given,
      release: async () => {},
    },
  })
  await eventually(async () => expect(isAnnounced(await web())).toBe(false))
  expect((await web()).status).toEqual({ loadBalancer: given, conditions: [foreign] })
})

test("machines' facts come onto Nodes, Nodes of machines that are gone go, and routes follow the Nodes", async () => {
  await start()
  const machines = new Map([
    ['here', 'zone-a'],
    ['gone', 'zone-b'],
  ])
  const routes: CloudRoute[] = [{ nodeName: 'stale', destination: '10.244.99.0/24' }]
  const same = (a: CloudRoute, b: CloudRoute) => a.nodeName === b.nodeName && a.destination === b.destination
  runWith({
    name: 'test',
    instances: {
      describe: async ({ metadata }) => {
        const zone = machines.get(metadata.name)
        return zone === undefined ? undefined : { providerId: `test:///${zone}/${metadata.name}`, zone }
      },
    },
    routes: {
      list: async () => [...routes],
      create: async (route) => void routes.push(route),
      delete: async (route) =>
        void routes.splice(
          routes.findIndex((each) => same(each, route)),
          1,
        ),
    },
  })
  const taints = [{ key: 'node.cloudprovider.kubernetes.io/uninitialized', value: 'true', effect: 'NoSchedule' }]
  await client.create(nodes, { metadata: { name: 'here' }, spec: { taints } })
  await client.create(nodes, { metadata: { name: 'gone' }, spec: { taints } })
  await eventually(async () => {
    const { metadata, spec } = await client.get(nodes, { name: 'here' })
    expect(spec.providerID).toBe('test:///zone-a/here')
    expect(metadata.labels).toMatchObject({ 'topology.kubernetes.io/zone': 'zone-a' })
    expect(spec.taints ?? []).not.toContainEqual(expect.objectContaining(taints[0]))
  })
  await eventually(async () => expect(routes.map(({ nodeName }) => nodeName).sort()).toEqual(['gone', 'here']))
  machines.delete('gone')
  await client.patch(nodes, { name: 'gone' }, 'application/merge-patch+json', {
    metadata: { labels: { touched: '1' } },
  })
  await eventually(async () => expect(client.get(nodes, { name: 'gone' })).rejects.toSatisfy(isNotFound))
  await eventually(async () => expect(routes.map(({ nodeName }) => nodeName)).toEqual(['here']))
})
