import { expect, test } from 'vitest'
import type { ServicePort } from '../table.ts'
import { makeEndpoint, makeServicePort } from '../test-ports.ts'
import { planService } from './elements.ts'

const port = makeServicePort({
  clusterIp: '10.96.0.10',
  nodePort: 30080,
  loadBalancerIps: ['192.0.2.1'],
  sourceRanges: ['198.51.100.7/32', '203.0.113.0/24'],
  externalPolicy: 'Local',
  cluster: [makeEndpoint('10.244.2.2')],
})
const slots = { cluster: ['10.244.2.2 . 8080'], local: [] }
const plan = (change: Partial<ServicePort> = {}, numbers = slots) =>
  planService([{ port: { ...port, ...change }, slots: numbers }], () => true)
const lines = ({ elements }: ReturnType<typeof plan>) =>
  elements.map(({ set, key, value }) => `${set}: ${key}${value === undefined ? '' : ` -> ${value}`}`)

test('with endpoints elsewhere only, the policy Local drops what comes from outside and serves those inside', () => {
  expect(lines(plan())).toEqual([
    'cluster-ips: 10.96.0.10',
    'service-ips: 10.96.0.10 . tcp . 80 -> goto internal-1',
    'endpoints: 10.96.0.10 . tcp . 80 . 0:1 -> 10.244.2.2 . 8080',
    'no-endpoint-services: 192.0.2.1 . tcp . 80 -> drop',
    'service-ips: 192.0.2.1 . tcp . 80 -> goto external-local-0-of-1',
    'endpoints: 192.0.2.1 . tcp . 80 . 0:1 -> 10.244.2.2 . 8080',
    'no-endpoint-nodeports: tcp . 30080 -> drop',
    'service-nodeports: tcp . 30080 -> goto nodeport-local-0-of-1',
    'endpoints: 0.0.0.0 . tcp . 30080 . 0:1 -> 10.244.2.2 . 8080',
    'firewall-ips: 192.0.2.1 . tcp . 80',
    'source-ranges: 192.0.2.1 . tcp . 80 . 198.51.100.7',
    'source-ranges: 192.0.2.1 . tcp . 80 . 203.0.113.0/24',
  ])
})

test('without any endpoint, all doors refuse', () => {
  const refused = lines(plan({ cluster: [] }, { cluster: [], local: [] })).filter((line) => line.includes('->'))
  expect(refused).toEqual([
    'no-endpoint-services: 10.96.0.10 . tcp . 80 -> goto reject-chain',
    'no-endpoint-services: 192.0.2.1 . tcp . 80 -> goto reject-chain',
    'no-endpoint-nodeports: tcp . 30080 -> goto reject-chain',
  ])
})

test('what another Service owns is not written', () => {
  const { elements } = planService([{ port, slots }], (claim) => !claim.startsWith('192.0.2.1'))
  expect(elements.filter(({ key }) => key.startsWith('192.0.2.1'))).toEqual([])
  expect(elements.length).toBeGreaterThan(0)
})
