import { expect, test } from 'vitest'
import { planStaleConnections } from './stale-connections.ts'
import type { ServicePort } from './table.ts'

function dns(over: Partial<ServicePort> = {}): ServicePort {
  return {
    id: 'kube-system/dns:udp',
    protocol: 'udp',
    clusterIp: '10.96.0.10',
    port: 53,
    family: 'ipv4',
    externalIps: [],
    loadBalancerIps: [],
    sourceRanges: [],
    internalPolicy: 'Cluster',
    externalPolicy: 'Cluster',
    cluster: [{ ip: '10.244.1.2', port: 53, local: true }],
    local: [],
    ...over,
  }
}

test('entries that lead to an endpoint that is gone are stale', () => {
  const moved = dns({ cluster: [{ ip: '10.244.1.3', port: 53, local: true }] })
  const towardsGone = ['-p', 'udp', '--orig-dst', '10.96.0.10', '--dst-nat', '10.244.1.2']
  expect(planStaleConnections([dns()], [moved])).toEqual([towardsGone])
  expect(planStaleConnections([dns()], [])).toEqual([towardsGone])
  expect(planStaleConnections([dns({ nodePort: 30053 })], [])).toContainEqual([
    '-p',
    'udp',
    '--orig-port-dst',
    '30053',
    '--dst-nat',
    '10.244.1.2',
  ])
})

test('entries of clients that met no endpoint are stale once there is one', () => {
  expect(planStaleConnections([dns({ cluster: [] })], [dns()])).toEqual([
    ['-p', 'udp', '--orig-dst', '10.96.0.10', '--orig-port-dst', '53'],
  ])
})

test('an endpoint that joins others makes nothing stale, nor does any change of TCP', () => {
  const two = [...dns().cluster, { ip: '10.244.1.3', port: 53, local: false }]
  expect(planStaleConnections([dns()], [dns({ cluster: two })])).toEqual([])
  expect(planStaleConnections([dns({ protocol: 'tcp' })], [])).toEqual([])
})
