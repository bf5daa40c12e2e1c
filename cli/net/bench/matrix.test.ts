import { expect, test } from 'vitest'
import { formatMatrices } from './matrix.ts'
import { parseThroughput } from './probe.ts'

test('every figure is a matrix, by pod and by Service; what was not measured is a dash', () => {
  const latency = { requestP50: 40, requestP99: 95, connectP50: 70 }
  const text = formatMatrices(
    ['node-1', 'node-2'],
    [
      { from: 'node-1', to: 'node-2', via: 'pod', throughput: { megabitsPerSecond: 12_340, retransmits: 3 }, latency },
      { from: 'node-2', to: 'node-1', via: 'service', throughput: { megabitsPerSecond: 9.6, retransmits: 0 }, latency },
    ],
  )
  const blocks = text.split('\n\n').map((block) =>
    block
      .trim()
      .split('\n')
      .map((line) => line.split(/ {2,}/)),
  )
  expect(blocks).toHaveLength(6)
  expect(blocks[0]).toEqual([
    ['pod to pod: throughput, Gbit/s (sent again)'],
    ['FROM \\ TO', 'node-1', 'node-2'],
    ['node-1', '-', '12.3 (3)'],
    ['node-2', '-', '-'],
  ])
  expect(blocks[1]?.[3]).toEqual(['node-2', '0.010', '-'])
  expect(blocks[2]?.[2]).toEqual(['node-1', '-', '40 (95)'])
})

test('what iperf3 says is read, its failures too', () => {
  const end = { sum_received: { bits_per_second: 1.234e9 }, sum_sent: { retransmits: 7 } }
  expect(parseThroughput(JSON.stringify({ end }))).toEqual({ megabitsPerSecond: 1234, retransmits: 7 })
  expect(() => parseThroughput('{"error":"unable to connect to server"}')).toThrow('iperf3: unable to connect')
})
