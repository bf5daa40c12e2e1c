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
  const [port] = toServicePorts(service(), slices, { nodeName: 'a' })
  expect(port).toMatchObject({ id: 'default/web:http', protocol: 'tcp', clusterIp: '10.96.0.5', port: 80 })
  expect(ipsOf(port?.cluster)).toEqual(['10.244.1.2', '10.244.2.2'])
  expect(toServicePorts(service(), slices.toReversed(), { nodeName: 'a' })).toEqual([port])
})

test('endpoints that end serve only when no other does', () => {
  const ending = { ready: false, serving: true, terminating: true }
  expect(
    ipsOf(
      toServicePorts(service(), [slice(['10.244.1.2', 'a'], ['10.244.1.3', 'a', ending])], { nodeName: 'a' })[0]
        ?.cluster,
    ),
  ).toEqual(['10.244.1.2'])
  expect(ipsOf(toServicePorts(service(), [slice(['10.244.1.3', 'a', ending])], { nodeName: 'a' })[0]?.cluster)).toEqual(
    ['10.244.1.3'],
  )
})

test('traffic policies keep to this node', () => {
  const slices = [slice(['10.244.1.2', 'a'], ['10.244.2.2', 'b'])]
  const [internal] = toServicePorts(service({ internalTrafficPolicy: 'Local' }), slices, { nodeName: 'a' })
  expect(internal).toMatchObject({ internalPolicy: 'Local', externalPolicy: 'Cluster' })
  expect(internal === undefined ? [] : ipsOf(internalEndpoints(internal))).toEqual(['10.244.1.2'])
  const [external] = toServicePorts(service({ externalTrafficPolicy: 'Local' }), slices, { nodeName: 'b' })
  expect(external === undefined ? [] : ipsOf(externalEndpoints(external))).toEqual(['10.244.2.2'])
  expect(ipsOf(external?.cluster)).toEqual(['10.244.1.2', '10.244.2.2'])
})

test('an address that moves between slices serves once, as ready', () => {
  const [port] = toServicePorts(service(), [slice(['10.244.1.2', 'a', { ready: false }]), slice(['10.244.1.2', 'a'])], {
    nodeName: 'a',
  })
  expect(ipsOf(port?.cluster)).toEqual(['10.244.1.2'])
})

test.each([
  ['headless', { clusterIP: 'None' }],
  ['without an address yet', { clusterIP: '' }],
  ['an ExternalName', { type: 'ExternalName' }],
])('a Service that is %s wants nothing of the node', (_, spec) => {
  expect(toServicePorts(service(spec), [slice(['10.244.1.2', 'a'])], { nodeName: 'a' })).toEqual([])
})

test.each(['cilium', ''])('a Service whose proxy has the name "%s" is left to it', (name) => {
  const { metadata, ...rest } = service()
  const labels = { 'service.kubernetes.io/service-proxy-name': name }
  const slices = [slice(['10.244.1.2', 'a'])]
  expect(toServicePorts({ ...rest, metadata: { ...metadata, labels } }, slices, { nodeName: 'a' })).toEqual([])
})

test.each([undefined, 0])('endpoints whose port is %s are none', (number) => {
  const numbered = slice(['10.244.1.2', 'a'])
  const unnumbered = {
    ...slice(['10.244.1.3', 'a']),
    ports: [{ name: 'http', protocol: 'TCP', ...(number !== undefined && { port: number }) }],
  }
  const [port] = toServicePorts(service(), [numbered, unnumbered], { nodeName: 'a' })
  expect([ipsOf(port?.cluster), ipsOf(port?.local), port?.draining]).toEqual([['10.244.1.2'], ['10.244.1.2'], []])
})

test('affinity lasts three hours unless the Service says otherwise', () => {
  expect(toServicePorts(service({ sessionAffinity: 'ClientIP' }), [], { nodeName: 'a' })[0]?.affinitySeconds).toBe(
    10_800,
  )
  expect(
    toServicePorts(
      service({ sessionAffinity: 'ClientIP', sessionAffinityConfig: { clientIP: { timeoutSeconds: 5 } } }),
      [],
      { nodeName: 'a' },
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
    { nodeName: 'a' },
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

type Hints = NonNullable<NonNullable<EndpointSlice['endpoints']>[number]['hints']>

/** Endpoints by address and hints: the third group of the address is their zone's number. */
function hinted(...endpoints: [ip: string, nodeName: string, hints?: Hints, conditions?: Condition][]): EndpointSlice {
  return {
    ...slice(),
    endpoints: endpoints.map(([ip, nodeName, hints, conditions = { ready: true }]) => ({
      addresses: [ip],
      nodeName,
      conditions,
      ...(hints !== undefined && { hints }),
    })),
  }
}

const zone = (name: string): Hints => ({ forZones: [{ name }] })
const node = (name: string, zoneName: string): Hints => ({ forNodes: [{ name }], ...zone(zoneName) })

test.each<[string, EndpointSlice, string[]]>([
  [
    'endpoints hinted at for the own zone serve it',
    hinted(['10.244.1.2', 'b', zone('z1')], ['10.244.2.2', 'c', zone('z2')]),
    ['10.244.1.2'],
  ],
  [
    'of those hinted at for nodes, the own node’s do, and not the zone’s others',
    hinted(['10.244.1.2', 'a', node('a', 'z1')], ['10.244.1.3', 'b', node('b', 'z1')]),
    ['10.244.1.2'],
  ],
  [
    'without one on the node, those of the zone do',
    hinted(['10.244.1.3', 'b', node('b', 'z1')], ['10.244.2.3', 'c', node('c', 'z2')]),
    ['10.244.1.3'],
  ],
  [
    'one endpoint without a hint makes all serve',
    hinted(['10.244.1.2', 'b', zone('z1')], ['10.244.2.2', 'c']),
    ['10.244.1.2', '10.244.2.2'],
  ],
  [
    'a zone without endpoints is served by all',
    hinted(['10.244.2.2', 'c', zone('z2')], ['10.244.3.2', 'd', zone('z3')]),
    ['10.244.2.2', '10.244.3.2'],
  ],
  [
    'what is not ready has no say',
    hinted(['10.244.1.2', 'b', zone('z1')], ['10.244.2.2', 'c', undefined, { ready: false }]),
    ['10.244.1.2'],
  ],
])('%s', (_, hintedSlice, expected) => {
  const [port] = toServicePorts(service(), [hintedSlice], { nodeName: 'a', zone: 'z1' })
  expect(ipsOf(port?.cluster)).toEqual(expected)
})

test('a node without a zone heeds no zone’s hint', () => {
  const far = hinted(['10.244.1.2', 'b', zone('z1')], ['10.244.2.2', 'c', zone('z2')])
  expect(ipsOf(toServicePorts(service(), [far], { nodeName: 'a' })[0]?.cluster)).toHaveLength(2)
})

test('endpoints that get nothing new, but are there, drain', () => {
  const [gone, unready] = [{ ready: false, serving: true, terminating: true }, { ready: false }]
  const slices = [slice(['10.244.1.2', 'b'], ['10.244.1.3', 'b', gone], ['10.244.1.4', 'b', unready])]
  const [port] = toServicePorts(service(), slices, { nodeName: 'a' })
  expect([ipsOf(port?.cluster), ipsOf(port?.draining)]).toEqual([['10.244.1.2'], ['10.244.1.3', '10.244.1.4']])
})

test('an address that the tools refuse, or that is of each host alone, is left out, and the rest is served', () => {
  const six: EndpointSlice = {
    addressType: 'IPv6',
    ports: [{ name: 'http', port: 8080, protocol: 'TCP' }],
    endpoints: [{ addresses: ['fd00:244::2%eth0'] }, { addresses: ['fd00:244::3'] }],
  }
  const stored = service({
    clusterIPs: ['10.96.0.5', 'fd00:96::5'],
    externalIPs: ['127.0.0.1', '198.51.100.1', '::1', 'fd00:198::1%eth0', 'fd00:198::2', '0.0.0.0'],
  })
  stored.status = { loadBalancer: { ingress: [{ ip: 'fd00:192::7%a' }, { ip: 'fd00:192::8' }] } }
  const [four, other] = toServicePorts(stored, [six], { nodeName: 'a' })
  expect(four?.externalIps).toEqual(['198.51.100.1'])
  expect(other).toMatchObject({ externalIps: ['fd00:198::2'], loadBalancerIps: ['fd00:192::8'] })
  expect(ipsOf(other?.cluster)).toEqual(['fd00:244::3'])
  expect(toServicePorts(service({ clusterIP: 'fd00:96::5%eth0' }), [six], { nodeName: 'a' })).toEqual([])
})
