import { expect, test } from 'vitest'
import type { EndpointSlice, Service, ServiceSpec } from '../../api/generated/types.ts'
import type { Stored } from '../../api/objects/object.ts'
import { externalEndpoints, internalEndpoints, toServicePorts } from './table.ts'

function service(spec: ServiceSpec = {}): Stored<Service> {
  const metadata = {
    name: 'web',
    namespace: 'default',
    uid: 'u',
    resourceVersion: '1',
    creationTimestamp: '2026-01-01T00:00:00Z',
  }
  return { metadata, spec: { clusterIP: '10.96.0.5', ports: [{ name: 'http', port: 80, protocol: 'TCP' }], ...spec } }
}

interface Condition {
  ready?: boolean
  serving?: boolean
  terminating?: boolean
}

function slice(...endpoints: [ip: string, nodeName: string, conditions?: Condition][]): EndpointSlice {
  return {
    addressType: 'IPv4',
    ports: [{ name: 'http', port: 8080, protocol: 'TCP' }],
    endpoints: endpoints.map(([ip, nodeName, conditions = { ready: true }]) => ({
      addresses: [ip],
      nodeName,
      conditions,
    })),
  }
}

const ipsOf = (endpoints: { ip: string }[] | undefined) => endpoints?.map(({ ip }) => ip)

test('ready endpoints serve, whatever the order of the slices', () => {
  const slices = [slice(['10.244.1.2', 'a']), slice(['10.244.2.2', 'b'], ['10.244.2.3', 'b', { ready: false }])]
  const [port] = toServicePorts(service(), slices, 'a')
  expect(port).toMatchObject({ id: 'default/web:http', protocol: 'tcp', clusterIp: '10.96.0.5', port: 80 })
  expect(ipsOf(port?.cluster)).toEqual(['10.244.1.2', '10.244.2.2'])
  expect(toServicePorts(service(), slices.toReversed(), 'a')).toEqual([port])
})

test('endpoints that end serve only when no other does', () => {
  const ending = { ready: false, serving: true, terminating: true }
  expect(
    ipsOf(toServicePorts(service(), [slice(['10.244.1.2', 'a'], ['10.244.1.3', 'a', ending])], 'a')[0]?.cluster),
  ).toEqual(['10.244.1.2'])
  expect(ipsOf(toServicePorts(service(), [slice(['10.244.1.3', 'a', ending])], 'a')[0]?.cluster)).toEqual([
    '10.244.1.3',
  ])
})

test('traffic policies keep to this node', () => {
  const slices = [slice(['10.244.1.2', 'a'], ['10.244.2.2', 'b'])]
  const [internal] = toServicePorts(service({ internalTrafficPolicy: 'Local' }), slices, 'a')
  expect(internal).toMatchObject({ internalPolicy: 'Local', externalPolicy: 'Cluster' })
  expect(internal === undefined ? [] : ipsOf(internalEndpoints(internal))).toEqual(['10.244.1.2'])
  const [external] = toServicePorts(service({ externalTrafficPolicy: 'Local' }), slices, 'b')
  expect(external === undefined ? [] : ipsOf(externalEndpoints(external))).toEqual(['10.244.2.2'])
  expect(ipsOf(external?.cluster)).toEqual(['10.244.1.2', '10.244.2.2'])
})

test('an address that moves between slices serves once, as ready', () => {
  const [port] = toServicePorts(
    service(),
    [slice(['10.244.1.2', 'a', { ready: false }]), slice(['10.244.1.2', 'a'])],
    'a',
  )
  expect(ipsOf(port?.cluster)).toEqual(['10.244.1.2'])
})

test.each([
  ['headless', { clusterIP: 'None' }],
  ['without an address yet', { clusterIP: '' }],
  ['an ExternalName', { type: 'ExternalName' }],
])('a Service that is %s wants nothing of the node', (_, spec) => {
  expect(toServicePorts(service(spec), [slice(['10.244.1.2', 'a'])], 'a')).toEqual([])
})

test('affinity lasts three hours unless the Service says otherwise', () => {
  expect(toServicePorts(service({ sessionAffinity: 'ClientIP' }), [], 'a')[0]?.affinitySeconds).toBe(10_800)
  expect(
    toServicePorts(
      service({ sessionAffinity: 'ClientIP', sessionAffinityConfig: { clientIP: { timeoutSeconds: 5 } } }),
      [],
      'a',
    )[0]?.affinitySeconds,
  ).toBe(5)
})

test('a dual-stack Service has each port once per family, with that family of endpoints and addresses', () => {
  const six: EndpointSlice = { ...slice(['fd00:10:244::2', 'a']), addressType: 'IPv6' }
  const ports = toServicePorts(
    service({
      clusterIPs: ['10.96.0.5', 'fd00:10:96::5'],
      externalIPs: ['192.0.2.9', '2001:db8::9'],
      loadBalancerSourceRanges: ['198.51.100.0/24', '2001:db8:1::/48'],
    }),
    [slice(['10.244.1.2', 'a']), six],
    'a',
  )
  expect(ports.map(({ family, clusterIp, cluster }) => [family, clusterIp, ...cluster.map(({ ip }) => ip)])).toEqual([
    ['ipv4', '10.96.0.5', '10.244.1.2'],
    ['ipv6', 'fd00:10:96::5', 'fd00:10:244::2'],
  ])
  expect(ports.map(({ externalIps, sourceRanges }) => [externalIps, sourceRanges])).toEqual([
    [['192.0.2.9'], ['198.51.100.0/24']],
    [['2001:db8::9'], ['2001:db8:1::/48']],
  ])
})
