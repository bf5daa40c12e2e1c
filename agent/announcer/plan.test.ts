import { expect, test } from 'vitest'
import type { Endpoint, EndpointSlice, Node, Service, ServiceSpec } from '../../api/generated/types.ts'
import { announcedCondition } from '../../api/net/announced.ts'
import type { Stored } from '../../api/objects/object.ts'
import { announcingFactsOf, networksAnnotation, planAnnouncements, planOwn, planPeers } from './plan.ts'

const meta = { uid: 'u', resourceVersion: '1', creationTimestamp: '2026-01-01T00:00:00Z' }

function node(name: string, networks = '192.0.2.0/24', ready = 'True', labels = {}): Stored<Node> {
  return {
    metadata: { ...meta, name, labels, annotations: { [networksAnnotation]: networks } },
    spec: {},
    status: { conditions: [{ type: 'Ready', status: ready }] },
  }
}

const announced = {
  type: announcedCondition,
  status: 'True',
  reason: 'AddressGiven',
  message: '',
  lastTransitionTime: '2026-01-01T00:00:00Z',
}

function service(ip: string, spec: ServiceSpec = {}): Stored<Service> {
  return {
    metadata: { ...meta, namespace: 'default', name: 'web' },
    spec: { type: 'LoadBalancer', ports: [{ port: 80 }], ...spec },
    status: { loadBalancer: { ingress: [{ ip, ipMode: 'VIP' }] }, conditions: [announced] },
  }
}

const nobody: EndpointSlice[] = []
const nodes = ['a', 'b', 'c', 'd'].map((name) => node(name))
const everybodyLives = () => true

test('exactly one node takes an address, and the death of another does not move it', () => {
  const addresses = Array.from({ length: 50 }, (_, index) => `192.0.2.${index + 200}`)
  const plan = (from: Stored<Node>[]) =>
    planAnnouncements(
      addresses.map((ip) => service(ip)),
      () => nobody,
      from,
    )
  const ownerOf = (from: Stored<Node>[]) =>
    new Map(plan(from).map(({ address, candidates }) => [address, candidates[0]]))
  const all = ownerOf(nodes)
  const without = ownerOf(nodes.filter(({ metadata }) => metadata.name !== 'b'))
  expect(new Set(all.values())).toEqual(new Set(['a', 'b', 'c', 'd']))
  for (const [address, owner] of all) if (owner !== 'b') expect(without.get(address)).toBe(owner)
  const held = nodes.flatMap(({ metadata }) => planOwn(plan(nodes), metadata.name, everybodyLives))
  expect(held.map(({ address }) => address).sort()).toEqual(addresses.sort())
})

test('the next living candidate takes over, and gives back when the better one returns', () => {
  const plan = planAnnouncements([service('192.0.2.200')], () => nobody, nodes)
  const [first = '', second = '', third = ''] = plan[0]?.candidates ?? []
  const holds = (self: string, dead: string[]) => planOwn(plan, self, (name) => !dead.includes(name)).length === 1
  expect([holds(first, []), holds(second, []), holds(third, [])]).toEqual([true, false, false])
  expect([holds(second, [first]), holds(third, [first])]).toEqual([true, false])
  expect(holds(third, [first, second])).toBe(true)
})

test('a node watches its neighbours in the order, beyond dead ones to the first that lives', () => {
  const plan = planAnnouncements([service('192.0.2.200')], () => nobody, nodes)
  const [first = '', second = '', third = '', fourth = ''] = plan[0]?.candidates ?? []
  expect(planPeers(plan, first, everybodyLives)).toEqual(new Set([second]))
  expect(planPeers(plan, third, everybodyLives)).toEqual(new Set([second, fourth]))
  expect(planPeers(plan, third, (name) => name !== second)).toEqual(new Set([second, first, fourth]))
})

test('nodes that cannot take the address are no candidates', () => {
  const label = { 'node.kubernetes.io/exclude-from-external-load-balancers': '' }
  const some = [
    node('elsewhere', '198.51.100.0/24'),
    node('sick', '192.0.2.0/24', 'False'),
    node('excluded', '192.0.2.0/24', 'True', label),
    node('good', '198.51.100.0/24,192.0.2.0/24'),
    node('unknown', ''),
  ]
  expect(planAnnouncements([service('192.0.2.200')], () => nobody, some)[0]?.candidates).toEqual(['good'])
})

test('under externalTrafficPolicy Local only nodes with a ready endpoint are candidates', () => {
  const slice: EndpointSlice = {
    addressType: 'IPv4',
    endpoints: [
      { addresses: ['10.244.1.2'], nodeName: 'b', conditions: { ready: true } },
      { addresses: ['10.244.2.2'], nodeName: 'c', conditions: { ready: false } },
    ],
  }
  const [plan] = planAnnouncements([service('192.0.2.200', { externalTrafficPolicy: 'Local' })], () => [slice], nodes)
  expect(plan?.candidates).toEqual(['b'])
})

test('under Local nodes where an endpoint still serves while it terminates are candidates when none is ready', () => {
  const ending = { ready: false, serving: true, terminating: true }
  const endpoints = [
    { addresses: ['10.244.1.2'], nodeName: 'b', conditions: ending },
    { addresses: ['10.244.2.2'], nodeName: 'c', conditions: { ...ending, serving: false } },
    { addresses: ['10.244.3.2'], nodeName: 'd', conditions: { ready: false, serving: true, terminating: false } },
  ]
  const candidates = (more: Endpoint[] = []) => {
    const slice: EndpointSlice = { addressType: 'IPv4', endpoints: [...endpoints, ...more] }
    return planAnnouncements([service('192.0.2.200', { externalTrafficPolicy: 'Local' })], () => [slice], nodes).map(
      (plan) => plan.candidates,
    )
  }
  expect(candidates()).toEqual([['b']])
  expect(candidates([{ addresses: ['10.244.0.2'], nodeName: 'a', conditions: { ready: true } }])).toEqual([['a']])
})

test('Services of other types and balancers that answer themselves are not announced', () => {
  const proxied = service('192.0.2.200')
  proxied.status = { ...proxied.status, loadBalancer: { ingress: [{ ip: '192.0.2.200', ipMode: 'Proxy' }] } }
  const clusterIp = service('192.0.2.201', { type: 'ClusterIP' })
  expect(planAnnouncements([proxied, clusterIp], () => nobody, nodes)).toEqual([])
})

test('addresses that others gave and answer for are not announced, though they are in the network of the nodes', () => {
  const status = { loadBalancer: { ingress: [{ ip: '192.0.2.200', ipMode: 'VIP' }] } }
  const others = { ...service('192.0.2.200', { loadBalancerClass: 'example.com/other' }), status }
  const denied = { ...others, status: { ...status, conditions: [{ ...announced, status: 'False' }] } }
  expect(planAnnouncements([others, denied], () => nobody, nodes)).toEqual([])
})

test('a heartbeat changes nothing that is read of a Node; its readiness, networks, labels and address do', () => {
  const before = node('a')
  const conditions = [{ type: 'Ready', status: 'True', lastHeartbeatTime: '2026-01-02T00:00:00Z' }]
  expect(announcingFactsOf({ ...before, status: { conditions } })).toBe(announcingFactsOf(before))
  const changed = [
    node('a', '198.51.100.0/24'),
    node('a', '192.0.2.0/24', 'False'),
    node('a', '192.0.2.0/24', 'True', { 'node.kubernetes.io/exclude-from-external-load-balancers': '' }),
    { ...before, status: { ...before.status, addresses: [{ type: 'InternalIP', address: '192.0.2.9' }] } },
  ]
  for (const each of changed) expect(announcingFactsOf(each)).not.toBe(announcingFactsOf(before))
})
