import { expect, test } from 'vitest'
import type { FaultEnd } from './ends.ts'
import { parseHarm, planFlows } from './plan.ts'

const one: FaultEnd = { title: 'node-1', addresses: ['192.0.2.1', '10.244.1.0/24'], node: 'node-1' }
const two: FaultEnd = { title: 'node-2', addresses: ['192.0.2.2', '10.244.2.0/24'], node: 'node-2' }
const web: FaultEnd = { title: 'default/web', addresses: ['10.244.1.2'], node: 'node-1', pod: 'default/web' }
const outside: FaultEnd = { title: '203.0.113.0/24', addresses: ['203.0.113.0/24'] }

const both = (a: FaultEnd, b: FaultEnd) => [
  { from: a, to: b },
  { from: b, to: a },
]
const titles = (kind: 'cut' | 'delay', a: FaultEnd, b: FaultEnd) =>
  Object.fromEntries([...planFlows(kind, both(a, b))].map(([node, flows]) => [node, flows.map(({ title }) => title)]))

test('packets are harmed where they are for, so that none is harmed twice', () => {
  expect(titles('cut', one, two)).toEqual({ 'node-2': ['node-1 -> node-2'], 'node-1': ['node-2 -> node-1'] })
})

test('what is for nobody of the cluster is harmed on its way out', () => {
  expect(titles('cut', web, outside)).toEqual({
    'node-1': ['default/web -> 203.0.113.0/24', '203.0.113.0/24 -> default/web'],
  })
  expect(() => planFlows('cut', both(outside, outside))).toThrow('at least one end must be a node or a pod')
})

test("delays wait at the pod's link, or at the sender's uplink", () => {
  const flows = planFlows('delay', both(web, two))
  expect(flows.get('node-1')?.map(({ title, pod }) => [title, pod])).toEqual(
    [['default/web -> node-2', undefined]].concat([['node-2 -> default/web', 'default/web']]),
  )
  expect(() => planFlows('delay', [{ from: web, to: one }])).toThrow('wait at no link')
})

test.each([
  ['cut', '', { kind: 'cut' }],
  ['drop', '20%', { kind: 'drop', percent: 20 }],
  ['drop', '0.5', { kind: 'drop', percent: 0.5 }],
  ['delay', '100ms', { kind: 'delay', delayMs: 100 }],
  ['delay', '2s', { kind: 'delay', delayMs: 2000 }],
  ['rate', '1mbit', { kind: 'rate', bitsPerSecond: 1e6 }],
  ['rate', '1.5gbit', { kind: 'rate', bitsPerSecond: 1.5e9 }],
] as const)('%s "%s" is read', (kind, amount, harm) => {
  expect(parseHarm(kind, amount)).toEqual(harm)
})

test.each([
  ['drop', '0%'],
  ['drop', '101%'],
  ['drop', 'many'],
  ['delay', '100'],
  ['rate', '1mb'],
] as const)('%s "%s" is refused with an example', (kind, amount) => {
  expect(() => parseHarm(kind, amount)).toThrow(`cannot read ${kind} "${amount}": write `)
})
