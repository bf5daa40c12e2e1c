import { expect, test } from 'vitest'
import type { ServicePort } from '../table.ts'
import { makeEndpoint, makeServicePort } from '../test-ports.ts'
import { planPort } from './rules.ts'
import { kernelWay } from './spread.ts'

const port = (over: Partial<ServicePort> = {}) => makeServicePort({ cluster: [makeEndpoint('10.244.2.2')], ...over })
const plan = (over: Partial<ServicePort>, clusterCidr = '10.244.0.0/16') =>
  planPort(port(over), kernelWay({ clusterCidr }))
const textsOf = ({ shared }: ReturnType<typeof planPort>, chain: string) =>
  shared.filter(([, name]) => name === chain).map(([table, , rule]) => `${table} ${rule}`)

test('SCTP is matched and translated as SCTP', () => {
  const { shared, chains } = plan({ protocol: 'sctp' })
  expect(shared[0]?.[2]).toMatch(/^-d 10\.96\.0\.5\/32 -p sctp .* -m sctp --dport 80 -j KUBE-SVC-/)
  const [endpoint] = [...chains].filter(([chain]) => chain.startsWith('KUBE-SEP-'))
  expect(endpoint?.[1][1]).toBe(
    '-p sctp -m comment --comment "default/web:http" -j DNAT --to-destination 10.244.2.2:8080',
  )
})

test('IPv6 rules have whole addresses as /128, and sockets in brackets', () => {
  const { shared, chains } = plan(
    { family: 'ipv6', clusterIp: 'fd00:10:96::5', cluster: [makeEndpoint('fd00:10:244::2')] },
    'fd00:10:244::/48',
  )
  expect(shared[0]?.[2]).toContain('-d fd00:10:96::5/128 ')
  expect([...chains.values()].flat().join('\n')).toContain('--to-destination [fd00:10:244::2]:8080')
})

test('a Service without endpoints refuses; under the policy Local, one that has them elsewhere drops', () => {
  const none = plan({ cluster: [], nodePort: 30080 })
  expect(textsOf(none, 'KUBE-SERVICES')).toEqual([expect.stringMatching(/^filter .* -j REJECT /)])
  expect(textsOf(none, 'KUBE-EXTERNAL-SERVICES')).toEqual([expect.stringMatching(/--dport 30080 -j REJECT /)])
  const elsewhere = plan({ internalPolicy: 'Local', externalPolicy: 'Local', nodePort: 30080 })
  expect(textsOf(elsewhere, 'KUBE-SERVICES')).toEqual([expect.stringMatching(/^filter .* -j DROP$/)])
  expect(textsOf(elsewhere, 'KUBE-EXTERNAL-SERVICES')).toEqual([expect.stringMatching(/--dport 30080 -j DROP$/)])
  // Pods and the node itself reach those elsewhere.
  expect(textsOf(elsewhere, 'KUBE-NODEPORTS')).toEqual([expect.stringMatching(/^nat .* -j KUBE-EXT-/)])
})

test('a load balancer address leads through its source ranges, other doors do not', () => {
  const rules = plan({ loadBalancerIps: ['198.18.0.1'], externalIps: ['198.19.0.1'], sourceRanges: ['203.0.113.0/24'] })
  const [, external, balancer] = textsOf(rules, 'KUBE-SERVICES')
  expect([external, balancer]).toEqual([expect.stringMatching(/-j KUBE-EXT-/), expect.stringMatching(/-j KUBE-FW-/)])
  expect(textsOf(rules, 'KUBE-PROXY-FIREWALL')).toEqual([expect.stringMatching(/-d 198\.18\.0\.1\/32 .* -j DROP$/)])
  const [firewall] = [...rules.chains].filter(([chain]) => chain.startsWith('KUBE-FW-'))
  expect(firewall?.[1]).toEqual([expect.stringMatching(/^-s 203\.0\.113\.0\/24 .* -j KUBE-EXT-/)])
})

test('without endpoints a load balancer address refuses, whatever its source ranges', () => {
  const guarded = { loadBalancerIps: ['198.18.0.1'], sourceRanges: ['203.0.113.0/24'] }
  const rules = plan({ ...guarded, cluster: [] })
  expect(textsOf(rules, 'KUBE-PROXY-FIREWALL')).toEqual([])
  expect(textsOf(rules, 'KUBE-EXTERNAL-SERVICES')).toEqual([
    expect.stringMatching(/-d 198\.18\.0\.1\/32 .* -j REJECT /),
  ])
})

test('a node port reaches all endpoints while the ClusterIP keeps to this node', () => {
  const local = makeEndpoint('10.244.1.2', { local: true })
  const rules = plan({ internalPolicy: 'Local', nodePort: 30080, cluster: [...port().cluster, local], local: [local] })
  expect(textsOf(rules, 'KUBE-SERVICES')).toEqual([expect.stringMatching(/-j KUBE-SVL-/)])
  const [external] = [...rules.chains].filter(([chain]) => chain.startsWith('KUBE-EXT-'))
  expect(external?.[1].at(-1)).toMatch(/^-j KUBE-SVC-/)
})
