import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, expect, test } from 'vitest'
import type { EndpointSlice, Service } from '../../../api/generated/types.ts'
import type { Stored } from '../../../api/objects/object.ts'
import { HealthCheckServers } from './health-check-servers.ts'
import { localHealthOf } from './local-health.ts'
import { ProxyHealth } from './proxy-health.ts'

const cleanups: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const clean of cleanups.splice(0)) await clean()
})

/** A port that was free a moment ago. */
async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return port
}

function startChecks(isHealthy = () => true, errors: unknown[] = []): HealthCheckServers {
  const servers = new HealthCheckServers({ host: '127.0.0.1', isHealthy, onError: (error) => errors.push(error) })
  cleanups.push(() => servers.close())
  return servers
}

async function ask(port: number, path = '/'): Promise<{ status: number; weight: string | null; body: object }> {
  const answer = await fetch(`http://127.0.0.1:${port}${path}`)
  return {
    status: answer.status,
    weight: answer.headers.get('x-load-balancing-endpoint-weight'),
    body: (await answer.json()) as object,
  }
}

test('a node answers 200 while it has endpoints of the Service, and says how many', async () => {
  const [checks, port] = [startChecks(), await freePort()]
  await checks.set('shop/web', { port, localEndpoints: 2 })
  expect(await ask(port)).toEqual({
    status: 200,
    weight: '2',
    body: { service: { namespace: 'shop', name: 'web' }, localEndpoints: 2, serviceProxyHealthy: true },
  })
  await checks.set('shop/web', { port, localEndpoints: 0 })
  expect(await ask(port)).toMatchObject({ status: 503, weight: '0' })
})

test('a proxy that does not keep up gets no new traffic', async () => {
  const [checks, port] = [startChecks(() => false), await freePort()]
  await checks.set('shop/web', { port, localEndpoints: 2 })
  expect(await ask(port)).toMatchObject({ status: 503, body: { serviceProxyHealthy: false } })
})

test('a Service that moves to another port, or goes, leaves the old one', async () => {
  const [checks, first, second] = [startChecks(), await freePort(), await freePort()]
  await checks.set('shop/web', { port: first, localEndpoints: 1 })
  await checks.set('shop/web', { port: second, localEndpoints: 1 })
  await expect(ask(first)).rejects.toThrow('fetch failed')
  expect((await ask(second)).status).toBe(200)
  await checks.set('shop/web', undefined)
  await expect(ask(second)).rejects.toThrow('fetch failed')
})

test('a port that is taken is told of with the Service, and served once it is free', async () => {
  const errors: unknown[] = []
  const [checks, port] = [startChecks(undefined, errors), await freePort()]
  await checks.set('shop/first', { port, localEndpoints: 1 })
  await checks.set('shop/second', { port, localEndpoints: 1 })
  expect(errors.map(String)).toEqual([`Error: health checks of Service shop/second: cannot listen on port ${port}`])
  await checks.set('shop/first', undefined)
  await checks.set('shop/second', { port, localEndpoints: 1 })
  expect(await ask(port)).toMatchObject({ body: { service: { name: 'second' } } })
})

const metadata = { name: 'web', namespace: 'shop', uid: 'u', resourceVersion: '1', creationTimestamp: '' }
const service = (spec: Service['spec'] = {}): Stored<Service> => ({
  metadata,
  spec: { type: 'LoadBalancer', externalTrafficPolicy: 'Local', healthCheckNodePort: 30_001, ...spec },
})
const slice = (addressType: string, ...endpoints: [uid: string, node: string, ready?: boolean][]): EndpointSlice => ({
  addressType,
  endpoints: endpoints.map(([uid, nodeName, ready = true]) => ({
    addresses: [`${addressType} of ${uid}`],
    nodeName,
    conditions: { ready },
    targetRef: { kind: 'Pod', uid },
  })),
})

test('ready endpoints of this node count, each pod once whatever its families', () => {
  const slices = [slice('IPv4', ['a', 'n1'], ['b', 'n2'], ['c', 'n1', false]), slice('IPv6', ['a', 'n1'])]
  expect(localHealthOf(service(), slices, 'n1')).toEqual({ port: 30_001, localEndpoints: 1 })
  expect(localHealthOf(service(), slices, 'n3')).toEqual({ port: 30_001, localEndpoints: 0 })
})

test('without the policy Local nobody asks', () => {
  expect(localHealthOf(service({ externalTrafficPolicy: 'Cluster' }), [], 'n1')).toBeUndefined()
  expect(localHealthOf(service({ healthCheckNodePort: 0 }), [], 'n1')).toBeUndefined()
})

test('of a Service of another proxy nobody asks here', () => {
  const labels = { 'service.kubernetes.io/service-proxy-name': 'cilium' }
  expect(localHealthOf({ ...service(), metadata: { ...metadata, labels } }, [], 'n1')).toBeUndefined()
})

test('the proxy is healthy until a change has waited too long, and again once it is written', async () => {
  const clock = { nowMs: 0, eligible: true }
  const port = await freePort()
  const health = new ProxyHealth({
    host: '127.0.0.1',
    port,
    now: () => clock.nowMs,
    isEligible: () => clock.eligible,
  })
  await health.listen()
  cleanups.push(() => health.close())
  health.pending()
  clock.nowMs = 59_999
  health.pending()
  expect((await ask(port, '/healthz')).status).toBe(200)
  clock.nowMs = 60_000
  expect((await ask(port, '/healthz')).status).toBe(503)
  expect((await ask(port, '/livez')).status).toBe(503)
  health.syncing()
  expect((await ask(port, '/healthz')).status).toBe(503)
  health.synced()
  expect((await ask(port, '/healthz')).status).toBe(200)
  clock.eligible = false
  expect(await ask(port, '/healthz')).toMatchObject({ status: 503, body: { nodeEligible: false } })
  expect((await ask(port, '/livez')).status).toBe(200)
})

function startClock() {
  const clock = { nowMs: 0 }
  const options = { host: '127.0.0.1', port: 0, now: () => clock.nowMs, isEligible: () => true }
  return { clock, health: new ProxyHealth(options) }
}

test('a proxy that writes all the time is healthy while no change waits longer than a sync', () => {
  const { clock, health } = startClock()
  health.pending()
  for (; clock.nowMs < 600_000; clock.nowMs += 5_000) {
    health.syncing()
    health.pending()
    health.synced()
    expect(health.isHealthy).toBe(true)
  }
  clock.nowMs += 60_000
  expect(health.isHealthy).toBe(false)
})

test('a change waits since its first sync, however many syncs fail', () => {
  const { clock, health } = startClock()
  health.pending()
  for (; clock.nowMs < 60_000; clock.nowMs += 5_000) {
    expect(health.isHealthy).toBe(true)
    health.syncing()
    health.pending()
  }
  expect(health.isHealthy).toBe(false)
})
