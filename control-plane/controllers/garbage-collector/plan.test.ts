import { expect, test } from 'vitest'
import type { ObjectMeta, OwnerReference } from '../../../api/generated/types.ts'
import { pods } from '../../../api/resources/pods.ts'
import { type GraphNode, OwnerGraph } from './graph.ts'
import { judge, type OwnerState } from './plan.ts'

const owner = (uid: string, blockOwnerDeletion = false): OwnerReference => ({
  apiVersion: 'apps/v1',
  kind: 'ReplicaSet',
  name: uid,
  uid,
  blockOwnerDeletion,
})

const node = (uid: string, metadata: ObjectMeta = {}): GraphNode => ({
  resource: pods,
  metadata: { name: uid, resourceVersion: '1', creationTimestamp: '', ...metadata, uid },
})

const owned = (...uids: string[]) => node('pod', { ownerReferences: uids.map((uid) => owner(uid)) })
const going = (...finalizers: string[]) => node('set', { deletionTimestamp: 'now', finalizers })
const inBackground = { type: 'delete', propagationPolicy: 'Background' }

test.each<[string, GraphNode, OwnerState[], GraphNode[], object]>([
  ['nobody owns', node('pod'), [], [], { type: 'keep' }],
  ['an owner holds', owned('a'), ['solid'], [], { type: 'keep' }],
  ['all owners left', owned('a', 'b'), ['absent', 'absent'], [], inBackground],
  [
    'one of two owners left',
    owned('a', 'b'),
    ['absent', 'solid'],
    [],
    { type: 'setOwners', ownerReferences: [owner('b')] },
  ],
  ['an owner waits for', owned('a'), ['waiting'], [], inBackground],
  [
    'an owner waits for, and which has dependents',
    owned('a'),
    ['waiting'],
    [node('x')],
    { type: 'delete', propagationPolicy: 'Foreground' },
  ],
  [
    'is going already',
    node('pod', { deletionTimestamp: 'now', ownerReferences: [owner('a')] }),
    [],
    [],
    { type: 'keep' },
  ],
  [
    'waits for a blocking dependent',
    going('foregroundDeletion'),
    [],
    [node('x', { ownerReferences: [owner('set', true)] })],
    { type: 'keep' },
  ],
  [
    'has no blocking dependent left',
    going('foregroundDeletion'),
    [],
    [owned('set')],
    { type: 'removeFinalizer', finalizer: 'foregroundDeletion' },
  ],
  ['leaves orphans', going('orphan'), [], [owned('set')], { type: 'orphanDependents' }],
  ['has left its orphans', going('orphan'), [], [], { type: 'removeFinalizer', finalizer: 'orphan' }],
])('of an object that %s', (_, object, states, dependents, verdict) => {
  expect(judge(object, states, dependents)).toEqual(verdict)
})

test('the graph asks to look at dependents when their owner goes, also at those that came before it', () => {
  const graph = new OwnerGraph()
  const pod = owned('set').metadata
  expect(graph.change(pods, undefined, pod)).toEqual(['pod', 'set'])
  const set = node('set').metadata
  expect(graph.change(pods, undefined, set)).toEqual([])
  expect(graph.dependentsOf('set').map(({ metadata }) => metadata.uid)).toEqual(['pod'])
  expect(graph.change(pods, set, undefined)).toEqual(['pod'])
})

test('a change of nothing but status concerns nobody', () => {
  const graph = new OwnerGraph()
  const pod = owned('set').metadata
  graph.change(pods, undefined, pod)
  expect(graph.change(pods, pod, { ...pod, resourceVersion: '2' })).toEqual([])
})

test('an owner that waits hears when a dependent goes or takes another owner', () => {
  const graph = new OwnerGraph()
  const pod = owned('set').metadata
  graph.change(pods, undefined, pod)
  const moved = { ...pod, ownerReferences: [owner('other')] }
  expect(graph.change(pods, pod, moved)).toEqual(['pod', 'set', 'other'])
  expect(graph.dependentsOf('set')).toEqual([])
  expect(graph.change(pods, moved, undefined)).toEqual(['other'])
})
