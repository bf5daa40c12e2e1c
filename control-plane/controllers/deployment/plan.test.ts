import fc from 'fast-check'
import { expect, test } from 'vitest'
import { desiredOf } from './annotations.ts'
import { resolveLimits } from './limits.ts'
import { SimulatedRollout, template } from './simulated-rollout.ts'
import { hashTemplate } from './template-hash.ts'

const rolling = (maxSurge: number | string, maxUnavailable: number | string) => ({
  type: 'RollingUpdate',
  rollingUpdate: { maxSurge, maxUnavailable },
})

/** A deployment at v1 with all pods up. */
function rolledOut(replicas: number, strategy = rolling('25%', '25%'), more = {}) {
  const rollout = new SimulatedRollout({ replicas, strategy, ...more })
  rollout.settle()
  rollout.allAvailable()
  rollout.settle()
  rollout.trace.length = 0
  return rollout
}

test.each([
  [10, '25%', '25%', { maxSurge: 3, maxUnavailable: 2 }],
  [3, '25%', '25%', { maxSurge: 1, maxUnavailable: 0 }],
  [1, '25%', '25%', { maxSurge: 1, maxUnavailable: 0 }],
  [10, 0, 0, { maxSurge: 0, maxUnavailable: 1 }],
  [3, '0%', '10%', { maxSurge: 0, maxUnavailable: 1 }],
  [2, 1, 5, { maxSurge: 1, maxUnavailable: 2 }],
])('of %i replicas, surge %s and unavailability %s mean %o', (replicas, surge, unavailable, limits) => {
  expect(resolveLimits({ replicas, strategy: rolling(surge, unavailable) })).toEqual(limits)
})

test('a rolling update with a surge of one replaces pod by pod', () => {
  const rollout = rolledOut(3)
  rollout.change({ template: template('v2') })
  for (let up = 1; up <= 3; up++) {
    rollout.settle()
    rollout.available('v2', up)
  }
  rollout.settle()
  expect(rollout.trace).toEqual([
    'create v2 with 1',
    'scale v1 from 3 to 2',
    'scale v2 from 1 to 2',
    'scale v1 from 2 to 1',
    'scale v2 from 2 to 3',
    'scale v1 from 1 to 0',
  ])
  expect(rollout.progressing).toBe('True NewReplicaSetAvailable')
})

test('a version that never comes up stops the rollout, and the deadline says so', () => {
  const rollout = rolledOut(4)
  rollout.change({ template: template('bad') })
  rollout.settle()
  expect(rollout.sizes).toEqual({ v1: 3, bad: 2 })
  rollout.nowMs = 599_000
  rollout.settle()
  expect(rollout.progressing).toBe('True ReplicaSetUpdated')
  rollout.nowMs = 602_000
  rollout.settle()
  expect(rollout.progressing).toBe('False ProgressDeadlineExceeded')
  rollout.change({ template: template('v1') })
  rollout.settle()
  rollout.allAvailable()
  rollout.settle()
  expect(rollout.sizes).toEqual({ v1: 4, bad: 0 })
  expect(rollout.progressing).toBe('True NewReplicaSetAvailable')
})

test('pods of an old version that do not work are replaced first, whatever maxUnavailable says', () => {
  const rollout = rolledOut(3, rolling(1, 0))
  rollout.available('v1', 0)
  rollout.change({ template: template('v2') })
  rollout.settle()
  expect(rollout.sizes).toEqual({ v1: 3, v2: 1 })
  rollout.available('v2', 1)
  rollout.settle()
  expect(rollout.trace.slice(1, 3)).toEqual(['scale v1 from 3 to 2', 'scale v2 from 1 to 2'])
})

test('recreate ends all old pods before the first new one', () => {
  const rollout = rolledOut(3, { type: 'Recreate', rollingUpdate: { maxSurge: 0, maxUnavailable: 0 } })
  rollout.change({ template: template('v2') })
  rollout.settle()
  expect(rollout.trace).toEqual(['scale v1 from 3 to 0', 'create v2 with 3'])
})

test('a rollback takes the old replica set again with a new revision, and remembers the old one', () => {
  const rollout = rolledOut(1)
  for (const image of ['v2', 'v1']) {
    rollout.change({ template: template(image) }, { 'kubernetes.io/change-cause': `to ${image}` })
    rollout.settle()
    rollout.allAvailable()
    rollout.settle()
  }
  const annotations = Object.fromEntries(
    rollout.replicaSets.map(({ spec, metadata }) => [spec.template?.spec?.containers[0]?.image, metadata.annotations]),
  )
  expect(annotations).toMatchObject({
    v1: {
      'deployment.kubernetes.io/revision': '3',
      'deployment.kubernetes.io/revision-history': '1',
      'kubernetes.io/change-cause': 'to v1',
    },
    v2: { 'deployment.kubernetes.io/revision': '2', 'kubernetes.io/change-cause': 'to v2' },
  })
})

test('scaling in the middle of a rollout gives every replica set its share', () => {
  const rollout = rolledOut(10, rolling(3, 2))
  rollout.change({ template: template('v2') })
  rollout.settle()
  expect(rollout.sizes).toEqual({ v1: 8, v2: 5 })
  rollout.change({ replicas: 15 })
  rollout.settle()
  expect(rollout.sizes).toEqual({ v1: 11, v2: 7 })
  expect(rollout.replicaSets.map(desiredOf)).toEqual([15, 15])
})

test('a paused deployment is scaled but takes no new template, until it is resumed', () => {
  const rollout = rolledOut(2)
  rollout.change({ paused: true, template: template('v2'), replicas: 4 })
  rollout.settle()
  expect(rollout.sizes).toEqual({ v1: 4 })
  expect(rollout.progressing).toBe('Unknown DeploymentPaused')
  rollout.change({ paused: false })
  rollout.settle()
  expect(rollout.sizes).toEqual({ v1: 3, v2: 2 })
})

test('old replica sets beyond the history limit are deleted, oldest revision first', () => {
  const rollout = rolledOut(1, rolling(1, 0), { revisionHistoryLimit: 2 })
  for (const image of ['v2', 'v3', 'v4', 'v5']) {
    rollout.change({ template: template(image) })
    rollout.settle()
    rollout.allAvailable()
    rollout.settle()
  }
  expect(rollout.sizes).toEqual({ v3: 0, v4: 0, v5: 1 })
})

test('no rollout asks for more pods than the surge allows, or ends more than may be unavailable', () => {
  const amount = fc.oneof(
    fc.nat(5),
    fc.nat(100).map((n) => `${n}%`),
  )
  const change = fc.oneof(
    fc.record({ type: fc.constant('roll' as const), to: fc.nat(4) }),
    fc.record({ type: fc.constant('up' as const), to: fc.nat(12) }),
  )
  fc.assert(
    fc.property(
      fc.nat(12),
      amount,
      amount,
      fc.array(change, { maxLength: 15 }),
      (replicas, surge, unavailable, changes) => {
        const rollout = rolledOut(replicas, rolling(surge, unavailable))
        const limits = resolveLimits(rollout.deployment.spec)
        for (const { type, to } of changes) {
          const before = rollout.status.availableReplicas ?? 0
          if (type === 'roll') rollout.change({ template: template(`v${to}`) })
          else {
            const newest = rollout.replicaSets.at(-1)?.spec
            rollout.available(newest?.template?.spec?.containers[0]?.image ?? '', Math.min(to, newest?.replicas ?? 0))
          }
          rollout.settle()
          const asked = Object.values(rollout.sizes).reduce((sum, size) => sum + size, 0)
          const available = rollout.status.availableReplicas ?? 0
          expect(asked).toBeLessThanOrEqual(replicas + limits.maxSurge)
          if (type === 'roll')
            expect(available).toBeGreaterThanOrEqual(Math.min(before, replicas - limits.maxUnavailable))
        }
        for (let round = 0; round < 60; round++) {
          rollout.allAvailable()
          rollout.settle()
        }
        expect(Math.max(...Object.values(rollout.sizes))).toBe(replicas)
        expect(rollout.status.availableReplicas ?? 0).toBe(replicas)
      },
    ),
  )
})

test('the hash of a template does not depend on the order of its keys, but on collisions', () => {
  const { metadata, spec } = template('v1')
  expect(hashTemplate({ spec, metadata })).toBe(hashTemplate({ metadata, spec }))
  expect(hashTemplate({ metadata, spec })).toMatch(/^[b-df-hj-np-tv-xz24-9]{10}$/)
  expect(hashTemplate({ metadata, spec }, 1)).not.toBe(hashTemplate({ metadata, spec }))
})
