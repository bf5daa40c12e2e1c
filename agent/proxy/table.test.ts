import { expect, test } from 'vitest'
import type { EndpointSlice, Service, ServiceSpec } from '../../api/generated/types.ts'
import type { Stored } from '../../api/objects/object.ts'
import { toServicePorts } from './table.ts'

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
  expect(ipsOf(port?.endpoints)).toEqual(['10.244.1.2', '10.244.2.2'])
  expect(toServicePorts(service(), slices.toReversed(), 'a')).toEqual([port])
})

test('endpoints that end serve only when no other does', () => {
  const ending = { ready: false, serving: true, terminating: true }
  expect(
    ipsOf(toServicePorts(service(), [slice(['10.244.1.2', 'a'], ['10.244.1.3', 'a', ending])], 'a')[0]?.endpoints),
  ).toEqual(['10.244.1.2'])
  expect(ipsOf(toServicePorts(service(), [slice(['10.244.1.3', 'a', ending])], 'a')[0]?.endpoints)).toEqual([
    '10.244.1.3',
  ])
})

test('traffic policies keep to this node', () => {
  const slices = [slice(['10.244.1.2', 'a'], ['10.244.2.2', 'b'])]
  const [internal] = toServicePorts(service({ internalTrafficPolicy: 'Local' }), slices, 'a')
  expect(ipsOf(internal?.endpoints)).toEqual(['10.244.1.2'])
  const [external] = toServicePorts(service({ externalTrafficPolicy: 'Local' }), slices, 'b')
  expect(ipsOf(external?.endpoints)).toEqual(['10.244.1.2', '10.244.2.2'])
  expect(ipsOf(external?.externalLocal)).toEqual(['10.244.2.2'])
})

test('an address that moves between slices serves once, as ready', () => {
  const [port] = toServicePorts(
    service(),
    [slice(['10.244.1.2', 'a', { ready: false }]), slice(['10.244.1.2', 'a'])],
    'a',
  )
  expect(ipsOf(port?.endpoints)).toEqual(['10.244.1.2'])
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
