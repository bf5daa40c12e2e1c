import { expect, test } from 'vitest'
import type { PodSpec } from '../../api/generated/types.ts'
import type { StoredPod } from './pod.ts'
import { bandwidthOf, portMappingsOf } from './sandbox-spec.ts'

function pod(spec: PodSpec, annotations: Record<string, string> = {}): StoredPod {
  const metadata = {
    namespace: 'default',
    name: 'web',
    uid: '1',
    resourceVersion: '1',
    creationTimestamp: '2026-01-01T00:00:00Z',
  }
  return { apiVersion: 'v1', kind: 'Pod', metadata: { ...metadata, annotations }, spec }
}

test('host ports of all containers, also of those that only start, are the pod’s', () => {
  const spec: PodSpec = {
    containers: [
      { name: 'a', ports: [{ containerPort: 80, hostPort: 8080 }, { containerPort: 81 }] },
      { name: 'b', ports: [{ containerPort: 53, hostPort: 53, protocol: 'UDP', hostIP: '192.0.2.1' }] },
    ],
    initContainers: [{ name: 'c', ports: [{ containerPort: 82, hostPort: 8082 }] }],
  }
  expect(portMappingsOf(pod(spec))).toEqual([
    { hostPort: 8080, containerPort: 80, protocol: 'tcp' },
    { hostPort: 53, containerPort: 53, protocol: 'udp', hostIp: '192.0.2.1' },
    { hostPort: 8082, containerPort: 82, protocol: 'tcp' },
  ])
})

test.each([
  [{ 'kubernetes.io/ingress-bandwidth': '10M' }, { ingressRate: 10_000_000, ingressBurst: 1_000_000 }],
  [{ 'kubernetes.io/egress-bandwidth': '1Gi' }, { egressRate: 2 ** 30, egressBurst: Math.ceil(2 ** 30 / 10) }],
  [{ 'kubernetes.io/ingress-bandwidth': 'fast' }, {}],
  [{ 'kubernetes.io/ingress-bandwidth': '10' }, {}],
  [{}, {}],
])('annotations %j ask for the rates %j', (annotations, rates) => {
  expect(bandwidthOf(pod({ containers: [] }, annotations))).toEqual(rates)
})
