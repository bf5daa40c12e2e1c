import { expect, test } from 'vitest'
import type { Node, NodeSpec, Taint, Toleration } from '../../../api/generated/types.ts'
import type { Stored } from '../../../api/objects/object.ts'
import { Heartbeats } from './heartbeat.ts'
import { planSilence, planTaints } from './plan.ts'
import { evictionTime } from './tolerations.ts'

const node = (conditions: Record<string, string>, spec: NodeSpec = {}): Stored<Node> => ({
  metadata: { name: 'node-1', uid: '1', resourceVersion: '1', creationTimestamp: '2026-01-01T00:00:00Z' },
  spec,
  status: { conditions: Object.entries(conditions).map(([type, status]) => ({ type, status })) },
})

const named = (taints: Taint[] | undefined) => taints?.map(({ key, effect }) => `${key.split('/')[1]}:${effect}`)

test.each([
  ['ready', node({ Ready: 'True' }), undefined],
  ['not ready', node({ Ready: 'False' }), ['not-ready:NoSchedule', 'not-ready:NoExecute']],
  ['silent', node({ Ready: 'Unknown' }), ['unreachable:NoSchedule', 'unreachable:NoExecute']],
  ['new', node({}), ['not-ready:NoSchedule', 'not-ready:NoExecute']],
  ['short of memory', node({ Ready: 'True', MemoryPressure: 'True' }), ['memory-pressure:NoSchedule']],
  ['without a network', node({ Ready: 'True', NetworkUnavailable: 'True' }), ['network-unavailable:NoSchedule']],
  ['cordoned', node({ Ready: 'True' }, { unschedulable: true }), ['unschedulable:NoSchedule']],
])('a node that is %s gets its taints', (_, given, taints) => {
  expect(named(planTaints(given, true, 0))).toEqual(taints)
})

test('taints that are right are not written again, and those of users stay', () => {
  const own = { key: 'node.kubernetes.io/not-ready', effect: 'NoSchedule' }
  const users = { key: 'dedicated', value: 'db', effect: 'NoExecute' }
  expect(planTaints(node({ Ready: 'True' }, { taints: [users] }), true, 0)).toBeUndefined()
  expect(planTaints(node({ Ready: 'True' }, { taints: [users, own] }), true, 0)).toEqual([users])
})

test('while every node is down nobody is evicted', () => {
  const taints = planTaints(node({ Ready: 'Unknown' }), true, 0) ?? []
  const down = node({ Ready: 'Unknown' }, { taints })
  expect(named(planTaints(down, false, 0))).toEqual(['unreachable:NoSchedule'])
})

test('what a silent agent said is unknown, what others said stays', () => {
  const conditions = planSilence(node({ Ready: 'True', MemoryPressure: 'False', NetworkUnavailable: 'False' }), 0) ?? []
  const said = conditions.map(({ type, status, reason }) => `${type} ${status} ${reason}`)
  expect(said).toEqual([
    'NetworkUnavailable False undefined',
    'Ready Unknown NodeStatusUnknown',
    'MemoryPressure Unknown NodeStatusUnknown',
    'DiskPressure Unknown NodeStatusNeverUpdated',
    'PIDPressure Unknown NodeStatusNeverUpdated',
  ])
  const silent = { ...node({}), status: { conditions } }
  expect(planSilence(silent, 1)).toBeUndefined()
})

test('a node lives on when its lease is renewed, whatever its clock says', () => {
  const heartbeats = new Heartbeats()
  const lease = (renewTime: string) => ({ metadata: node({}).metadata, spec: { renewTime } })
  expect(heartbeats.note(node({}), lease('1970-01-01T00:00:00.000000Z'), 1_000)).toBe(1_000)
  expect(heartbeats.note(node({}), lease('1970-01-01T00:00:00.000000Z'), 9_000)).toBe(1_000)
  expect(heartbeats.note(node({}), lease('1960-01-01T00:00:00.000000Z'), 9_500)).toBe(9_500)
})

const unreachable = {
  key: 'node.kubernetes.io/unreachable',
  effect: 'NoExecute',
  timeAdded: '1970-01-01T00:01:40Z',
}

test.each<[string, Taint[], Toleration[], number | undefined]>([
  ['no toleration means at once', [unreachable], [], 0],
  ['a toleration without a time means for ever', [unreachable], [{ operator: 'Exists' }], undefined],
  [
    'a time counts from the taint',
    [unreachable],
    [{ key: unreachable.key, operator: 'Exists', effect: 'NoExecute', tolerationSeconds: 300 }],
    400_000,
  ],
  [
    'without a time on the taint, it counts from when it was seen',
    [{ key: 'k', effect: 'NoExecute' }],
    [{ key: 'k', operator: 'Exists', tolerationSeconds: 5 }],
    12_000,
  ],
  [
    'of several times the shortest counts',
    [unreachable],
    [
      { operator: 'Exists', tolerationSeconds: 300 },
      { operator: 'Exists', tolerationSeconds: 10 },
    ],
    110_000,
  ],
  ['taints with other effects evict nobody', [{ key: 'k', effect: 'NoSchedule' }], [], undefined],
  ['another value is not tolerated', [{ ...unreachable, value: 'a' }], [{ key: unreachable.key, value: 'b' }], 0],
])('of evictions: %s', (_, taints, tolerations, time) => {
  expect(evictionTime(taints, tolerations, 7_000)).toBe(time)
})
