import { expect, test } from 'vitest'
import { type CleanerView, findStale, findSuspects, parseFlow } from './stale-connections.ts'
import type { ServicePort } from './table.ts'
import { makeServicePort } from './test-ports.ts'

const endpoint = (last: number) => ({ ip: `10.244.1.${last}`, port: 5353, local: true })

const dns = (over: Partial<ServicePort> = {}) =>
  makeServicePort({
    id: 'kube-system/dns:udp',
    protocol: 'udp',
    clusterIp: '10.96.0.10',
    port: 53,
    nodePort: 30053,
    externalIps: ['198.51.100.7'],
    cluster: [endpoint(2)],
    ...over,
  })

/** As conntrack prints it. */
function entry(protocol: 'tcp' | 'udp', asked: string, answering: string): string {
  const [[ip, port], [by, from]] = [asked.split(':'), answering.split(':')]
  const head = protocol === 'tcp' ? 'tcp      6 431999 ESTABLISHED ' : 'udp      17 29 '
  return `${head}src=10.244.1.9 dst=${ip} sport=40000 dport=${port} [UNREPLIED] src=${by} dst=10.244.1.9 sport=${from} dport=40000 mark=0 use=1`
}

const view: CleanerView = { isLocal: (ip: string) => ip === '192.0.2.11', targetsOf: () => [] }

/** Which of the entries are stale, as "asked -> answering". */
function staleOf(old: ServicePort[], now: ServicePort[], entries: string[], seen = view): string[] {
  const flows = entries.flatMap((line) => parseFlow(line) ?? [])
  return findStale(flows, findSuspects(old, now), seen).map(
    ({ asked, answering }) => `${asked.ip}:${asked.port} -> ${answering.ip}:${answering.port}`,
  )
}

const doors = ['10.96.0.10:53', '198.51.100.7:53', '192.0.2.11:30053']

test('UDP entries that lead to an endpoint that is gone are stale, by whichever door they came', () => {
  const entries = doors.flatMap((door) => ['10.244.1.2:5353', '10.244.1.3:5353'].map((by) => entry('udp', door, by)))
  const before = dns({ cluster: [endpoint(2), endpoint(3)] })
  expect(staleOf([before], [dns()], entries)).toEqual(doors.map((door) => `${door} -> 10.244.1.3:5353`))
  expect(staleOf([before], [], entries)).toHaveLength(6)
})

test('UDP entries that were not translated are stale once somebody serves', () => {
  const entries = doors.map((door) => entry('udp', door, door))
  expect(staleOf([dns({ cluster: [] })], [dns()], entries)).toHaveLength(3)
  expect(staleOf([], [dns()], entries)).toHaveLength(3)
  expect(staleOf([], [dns({ cluster: [] })], entries)).toEqual([])
})

test('what others were asked is left alone', () => {
  const entries = [
    entry('udp', '10.96.0.10:54', '10.96.0.10:54'),
    entry('udp', '203.0.113.5:30053', '203.0.113.5:30053'),
    entry('tcp', '10.96.0.10:53', '10.96.0.10:53'),
  ]
  expect(staleOf([dns({ cluster: [] })], [dns()], entries)).toEqual([])
})

test('an endpoint that joins others makes nothing stale, and nobody has to look', () => {
  expect(findSuspects([dns()], [dns({ cluster: [endpoint(2), endpoint(3)] })])).toEqual([])
})

test('TCP entries stay while their endpoint drains, and go with it', () => {
  const tcp = (over: Partial<ServicePort>) => dns({ protocol: 'tcp', ...over })
  const entries = [entry('tcp', '10.96.0.10:53', '10.244.1.2:5353')]
  const draining = tcp({ cluster: [endpoint(3)], draining: [endpoint(2)] })
  expect(findSuspects([tcp({})], [draining])).toEqual([])
  expect(staleOf([draining], [tcp({ cluster: [endpoint(3)] })], entries)).toEqual(['10.96.0.10:53 -> 10.244.1.2:5353'])
})

test('where a mode sends traffic to sockets of its own, those are no strangers', () => {
  const relayed = { ...view, targetsOf: () => [{ ip: '192.0.2.11', port: 41000 }] }
  const entries = ['192.0.2.11:41000', '192.0.2.11:41001'].map((by) => entry('udp', '10.96.0.10:53', by))
  expect(staleOf([dns({ cluster: [] })], [dns()], entries, relayed)).toEqual(['10.96.0.10:53 -> 192.0.2.11:41001'])
})
