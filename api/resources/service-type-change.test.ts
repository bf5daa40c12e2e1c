import { expect, test } from 'vitest'
import type { ServiceSpec } from '../generated/types.ts'
import { dropFieldsOfOldType } from './service-type-change.ts'

const metadata = { name: 'web', uid: 'u', resourceVersion: '1', creationTimestamp: '2026-01-01T00:00:00Z' }
const balanced: ServiceSpec = {
  type: 'LoadBalancer',
  clusterIP: '10.96.0.5',
  clusterIPs: ['10.96.0.5'],
  ipFamilies: ['IPv4'],
  ipFamilyPolicy: 'SingleStack',
  externalTrafficPolicy: 'Local',
  healthCheckNodePort: 30_100,
  allocateLoadBalancerNodePorts: true,
  ports: [{ port: 80, nodePort: 30_080 }],
}

function changed(over: ServiceSpec, old = balanced): ServiceSpec {
  const spec = { ...structuredClone(old), ...over }
  dropFieldsOfOldType({ metadata, spec }, { metadata, spec: old })
  return spec
}

test('a Service that becomes ClusterIP keeps its address and nothing of the balancer', () => {
  const { clusterIP, clusterIPs, ipFamilies, ipFamilyPolicy } = balanced
  expect(changed({ type: 'ClusterIP' })).toEqual({
    type: 'ClusterIP',
    clusterIP,
    clusterIPs,
    ipFamilies,
    ipFamilyPolicy,
    ports: [{ port: 80 }],
  })
})

test('a Service that becomes NodePort keeps its node ports and policy', () => {
  const spec = changed({ type: 'NodePort' })
  expect(spec).toMatchObject({ externalTrafficPolicy: 'Local', ports: [{ port: 80, nodePort: 30_080 }] })
  expect(spec).not.toHaveProperty('healthCheckNodePort')
})

test('a Service that becomes a mere name has no address', () => {
  expect(changed({ type: 'ExternalName', externalName: 'example.org' })).not.toHaveProperty('clusterIP')
})

test('what the update itself set stays, for validation to speak of', () => {
  expect(changed({ type: 'ClusterIP', ports: [{ port: 80, nodePort: 30_099 }] }).ports?.[0]?.nodePort).toBe(30_099)
  expect(changed({ type: 'ClusterIP', healthCheckNodePort: 30_101 }).healthCheckNodePort).toBe(30_101)
})
