import { expect, test } from 'vitest'
import type { Pod, ReplicaSet } from '../../../api/generated/types.ts'
import type { Stored } from '../../../api/objects/object.ts'
import { planReplicas, rankForDeletion } from './plan.ts'
import { makeStatus, msUntilNextAvailable } from './status.ts'

interface Traits {
  node?: string
  phase?: string
  readySince?: number
  restarts?: number
  created?: number
  deleting?: boolean
  cost?: string
}

const time = (seconds = 0) => new Date(seconds * 1000).toISOString()

function pod(name: string, traits: Traits = {}): Stored<Pod> {
  const { node, phase = 'Running', readySince, restarts = 0, created = 0, deleting, cost } = traits
  const status = { type: 'Ready', status: 'True', lastTransitionTime: time(readySince) }
  return {
    metadata: {
      name,
      uid: name,
      resourceVersion: '1',
      creationTimestamp: time(created),
      labels: { app: 'web' },
      ...(deleting && { deletionTimestamp: time() }),
      ...(cost !== undefined && { annotations: { 'controller.kubernetes.io/pod-deletion-cost': cost } }),
    },
    spec: { containers: [], nodeName: node },
    status: {
      phase,
      conditions: readySince === undefined ? [] : [status],
      containerStatuses: [{ name: 'web', image: '', imageID: '', ready: true, restartCount: restarts }],
    },
  }
}

function replicaSet(replicas: number, minReadySeconds = 0): Stored<ReplicaSet> {
  return {
    metadata: { name: 'web', uid: 'web', resourceVersion: '1', creationTimestamp: time(), generation: 3 },
    spec: {
      replicas,
      minReadySeconds,
      selector: {},
      template: { metadata: { labels: { app: 'web' } }, spec: { containers: [] } },
    },
  }
}

test.each([
  ['a pod without a node', { readySince: 1 }, { node: 'a', phase: 'Pending' }],
  ['a pending pod', { node: 'a', phase: 'Pending' }, { node: 'a' }],
  ['a pod that is not ready', { node: 'a' }, { node: 'a', readySince: 1 }],
  ['a cheaper pod', { node: 'a', readySince: 1, cost: '-1' }, { node: 'a', readySince: 9 }],
  ['a pod that was ready for a shorter time', { node: 'a', readySince: 9 }, { node: 'a', readySince: 1 }],
  ['a pod with more restarts', { node: 'a', readySince: 1, restarts: 2 }, { node: 'a', readySince: 1, created: 9 }],
  ['a younger pod', { node: 'a', readySince: 1, created: 9 }, { node: 'a', readySince: 1, created: 1 }],
])('%s is ended first', (_, first, second) => {
  const pods = [pod('second', second), pod('first', first)]
  expect(rankForDeletion(pods, pods).map(({ metadata }) => metadata.name)).toEqual(['first', 'second'])
})

test('a node with several pods of the same owner is relieved first', () => {
  const own = [pod('alone', { node: 'a', readySince: 9 }), pod('crowded', { node: 'b', readySince: 1 })]
  const related = [...own, pod('sibling', { node: 'b', readySince: 1 })]
  expect(planReplicas(replicaSet(1), own, related).remove.map(({ metadata }) => metadata.name)).toEqual(['crowded'])
})

test('pods that ended or are ending do not count', () => {
  const pods = [pod('a', { phase: 'Failed' }), pod('b', { deleting: true }), pod('c')]
  expect(planReplicas(replicaSet(3), pods)).toEqual({ create: 2, remove: [] })
})

test('a set that is being deleted neither makes nor ends pods', () => {
  const set = replicaSet(3)
  set.metadata.deletionTimestamp = time()
  expect(planReplicas(set, [])).toEqual({ create: 0, remove: [] })
})

test('a pod is available when it has been ready for minReadySeconds', () => {
  const pods = [pod('a', { readySince: 0 }), pod('b', { readySince: 6 })]
  const set = replicaSet(2, 10)
  expect(makeStatus(set, pods, undefined, 12_000)).toMatchObject({
    replicas: 2,
    readyReplicas: 2,
    availableReplicas: 1,
  })
  expect(msUntilNextAvailable(set, pods, 12_000)).toBe(4_000)
})

test('a failure shows as a condition and goes with it', () => {
  const failure = { reason: 'FailedCreate' as const, message: 'quota' }
  const failed = makeStatus(replicaSet(1), [], failure, 0)
  expect(failed.conditions).toMatchObject([{ type: 'ReplicaFailure', status: 'True', ...failure }])
  const later = makeStatus({ ...replicaSet(1), status: failed }, [], undefined, 0)
  expect(later.conditions).toBeUndefined()
})
