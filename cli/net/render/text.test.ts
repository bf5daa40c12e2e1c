import { expect, test } from 'vitest'
import type { Leg, Trace } from '../../../api/net/trace.ts'
import { exitCodeOf } from '../../commands/net-trace.ts'
import { adviseOn } from './advice.ts'
import { renderText } from './text.ts'

const a = { node: 'node-1', pod: 'default/a' }
const node = { node: 'node-2' }
const packet = '10.244.1.2:40000 -> 10.244.2.2:8080'

const sent: Leg['hops'][number] = { place: a, step: 'route', device: 'eth0', text: 'default via 10.244.1.1', packet }
const arrived: Leg = {
  hops: [sent, { place: node, step: 'socket', text: 'a process listens', packet }],
  hooks: [
    { place: a, hook: 'output', hop: 1, passes: true },
    { place: node, hook: 'input', hop: 1, passes: true },
  ],
  end: { outcome: 'delivered', cause: 'none', text: 'a process listens', place: node, hop: 1 },
}
const rule = {
  table: 'inet fairlead-policy',
  chain: 'ingress',
  text: 'drop comment "policy drop"',
  packets: 12,
  object: 'NetworkPolicy default/closed',
}
const dropped: Leg = {
  ...arrived,
  end: { outcome: 'dropped', cause: 'policy', text: 'forward: dropped by rule', place: node, hop: 1, rule },
}
const flow = { protocol: 'tcp' as const, destination: '10.244.2.2', port: 8080, sourcePort: 40_000 }
const proof = {
  mark: 0x5eed,
  outcome: 'answered' as const,
  detail: '',
  agrees: true,
  hooks: 2,
  differences: [],
  path: 0,
}
const traceOf = (forward: Leg, more: Partial<Trace> = {}): Trace => ({
  flow,
  paths: [{ forward, ...(forward === arrived && { reply: arrived, mtu: 1500 }), warnings: [] }],
  more: false,
  ...more,
})

test('a hop is a line: its place once, the packet where it changes', () => {
  expect(renderText(traceOf(arrived)).split('\n')).toEqual([
    ` 1  pod default/a  eth0  route   default via 10.244.1.1   [${packet}]`,
    ' 2  node-2               socket  a process listens',
    'and back',
    ` 1  pod default/a  eth0  route   default via 10.244.1.1   [${packet}]`,
    ' 2  node-2               socket  a process listens',
    'reached: node-2, and the answer comes back; largest packet 1500 bytes',
    '',
  ])
})

test('a drop ends with what, where, which object, how often, and what to do', () => {
  expect(renderText(traceOf(dropped))).toContain(
    'dropped at node-2, hop 2 (policy): forward: dropped by rule [12 packets so far]\nto do: allow it in a network policy',
  )
})

test('hops that a real packet was seen at are marked, and the proof is told', () => {
  const text = renderText(traceOf(arrived, { proof }))
  expect(text).toContain(' 1 +  pod default/a')
  expect(text).toContain('proof: a real packet (mark 0x5eed) was seen at the 2 hooks as worked out, and then: answered')
})

test('a real packet that does otherwise is told, and makes the answer uncertain', () => {
  const differences = ['node-2 input: not seen']
  const traced = traceOf(arrived, { proof: { ...proof, outcome: 'silent', agrees: false, differences } })
  expect(renderText(traced)).toContain('did otherwise: silent; node-2 input: not seen')
  expect(exitCodeOf(traced)).toBe(2)
})

test('the exit code tells whether every way gets there and back', () => {
  expect(exitCodeOf(traceOf(arrived))).toBe(0)
  expect(exitCodeOf(traceOf(dropped))).toBe(1)
  expect(exitCodeOf({ ...traceOf(arrived), paths: [...traceOf(arrived).paths, ...traceOf(dropped).paths] })).toBe(1)
})

test("a rule of Fairlead's own is told from one of somebody else", () => {
  expect(adviseOn({ cause: 'rule' })).toContain('ask who wrote it')
  expect(adviseOn({ cause: 'rule', rule })).toBe('this rule is part of NetworkPolicy default/closed')
  expect(adviseOn({ cause: 'none' })).toBeUndefined()
})
