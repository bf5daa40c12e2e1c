import { expect, test } from 'vitest'
import type { Deployment, DeploymentStatus, ReplicaSet } from '../api/generated/types.ts'
import type { Stored } from '../api/objects/object.ts'
import { chooseRevision, describeRollout, listRevisions, templateOf } from './rollout.ts'

const meta = { name: 'web', uid: 'd', resourceVersion: '1', creationTimestamp: '', generation: 2 }
const deployment = (status: DeploymentStatus): Stored<Deployment> => ({
  metadata: meta,
  spec: { replicas: 3, selector: {}, template: {} },
  status: { observedGeneration: 2, ...status },
})
const full = { replicas: 3, updatedReplicas: 3, availableReplicas: 3 }

test.each([
  [{ observedGeneration: 1 }, 'Waiting for deployment spec update to be observed...'],
  [{ ...full, updatedReplicas: 1 }, '1 out of 3 new replicas have been updated...'],
  [{ ...full, replicas: 4 }, '1 old replicas are pending termination...'],
  [{ ...full, availableReplicas: 2 }, '2 of 3 updated replicas are available...'],
])('a rollout with %j is not done', (status, message) => {
  const state = describeRollout(deployment(status))
  expect(state.isDone).toBe(false)
  expect(state.message).toContain(message)
})

test('a rollout is done when all replicas are new and available', () => {
  expect(describeRollout(deployment(full))).toEqual({
    message: 'deployment "web" successfully rolled out',
    isDone: true,
  })
})

test('a rollout past its deadline has failed', () => {
  const conditions = [{ type: 'Progressing', status: 'False', reason: 'ProgressDeadlineExceeded' }]
  expect(() => describeRollout(deployment({ ...full, updatedReplicas: 0, conditions }))).toThrow(
    'deployment "web" exceeded its progress deadline',
  )
})

const replicaSet = (revision: number, owner = 'd'): Stored<ReplicaSet> => ({
  metadata: {
    ...meta,
    name: `web-${revision}`,
    annotations: { 'deployment.kubernetes.io/revision': String(revision) },
    ownerReferences: [{ apiVersion: 'apps/v1', kind: 'Deployment', name: 'web', uid: owner, controller: true }],
  },
  spec: { selector: {}, template: { metadata: { labels: { app: 'web', 'pod-template-hash': 'x' } } } },
})
const revisions = listRevisions(deployment(full), [
  replicaSet(10),
  replicaSet(2),
  replicaSet(9),
  replicaSet(3, 'other'),
])

test('revisions are those of the deployment, in order of their numbers', () => {
  expect(revisions.map(({ number }) => number)).toEqual([2, 9, 10])
})

test('undo goes to the revision before, or to the one asked for', () => {
  expect(chooseRevision(revisions, 0, 'web').number).toBe(9)
  expect(chooseRevision(revisions, 2, 'web').number).toBe(2)
  expect(() => chooseRevision(revisions, 3, 'web')).toThrow('unable to find specified revision 3 in history')
  expect(() => chooseRevision(revisions.slice(0, 1), 0, 'web')).toThrow('no rollout history found')
})

test("the template to go back to is without the controller's own label", () => {
  const [first] = revisions
  expect(first && templateOf(first)).toEqual({ metadata: { labels: { app: 'web' } } })
})
