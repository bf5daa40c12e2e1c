import { expect, test } from 'vitest'
import { makeNodeStatus, type NodeFindings } from './node-status.ts'
import { judgePressure } from './pressure.ts'
import { testMachine } from './test-machine.ts'

const identity = { name: 'node-1', ips: ['192.0.2.1'], port: 10250, maxPods: 110 }
const fine: NodeFindings = {
  runtime: { name: 'docker', version: '20.10.24', cgroupDriver: 'cgroupfs' },
  notReady: undefined,
  pressure: { memory: false, disk: false, pids: false },
  images: [],
  nowMs: Date.parse('2026-01-01T00:00:00Z'),
}

const conditionsOf = (
  findings: Partial<NodeFindings>,
  old = makeNodeStatus(identity, testMachine, [], fine).conditions ?? [],
) => makeNodeStatus(identity, testMachine, old, { ...fine, ...findings }).conditions ?? []

test('a node says what it has and what it is', () => {
  expect(makeNodeStatus(identity, testMachine, [], fine)).toMatchObject({
    capacity: { cpu: '2', memory: '4Gi', 'ephemeral-storage': '10Gi', pods: '110' },
    addresses: [
      { type: 'InternalIP', address: '192.0.2.1' },
      { type: 'Hostname', address: 'node-1' },
    ],
    daemonEndpoints: { kubeletEndpoint: { Port: 10250 } },
    nodeInfo: { containerRuntimeVersion: 'docker://20.10.24', kubeletVersion: 'v1.35.0+fairlead' },
  })
})

test('Ready is false with the reason while pods cannot run, and its transition is then', () => {
  const later = Date.parse('2026-01-01T01:00:00Z')
  const conditions = conditionsOf({ notReady: 'container runtime is down: no socket', nowMs: later })
  expect(conditions.find(({ type }) => type === 'Ready')).toMatchObject({
    status: 'False',
    reason: 'KubeletNotReady',
    message: 'container runtime is down: no socket',
    lastTransitionTime: '2026-01-01T01:00:00Z',
  })
  expect(conditions.find(({ type }) => type === 'DiskPressure')?.lastTransitionTime).toBe('2026-01-01T00:00:00Z')
})

test('the largest images are listed, fifty of them', () => {
  const images = Array.from({ length: 60 }, (_, size) => ({
    id: `${size}`,
    tags: [`i:${size}`],
    digests: [],
    sizeBytes: size,
    user: '',
  }))
  const listed = makeNodeStatus(identity, testMachine, [], { ...fine, images }).images ?? []
  expect(listed).toHaveLength(50)
  expect(listed[0]).toEqual({ names: ['i:59'], sizeBytes: 59 })
})

test.each([
  [{}, { memory: false, disk: false, pids: false }],
  [{ memoryAvailableBytes: 50 * 2 ** 20 }, { memory: true, disk: false, pids: false }],
  [{ diskFreeShare: 0.05 }, { memory: false, disk: true, pids: false }],
  [{ processes: 32_700 }, { memory: false, disk: false, pids: true }],
])('figures %j are pressure %j', (figures, expected) => {
  const calm = { memoryAvailableBytes: 2 ** 30, diskFreeShare: 0.5, processes: 100, pidMax: 32_768 }
  expect(judgePressure({ ...calm, ...figures })).toEqual(expected)
})
