import { expect, test } from 'vitest'
import type { Node, Pod } from '../../api/generated/types.ts'
import type { Stored } from '../../api/objects/object.ts'
import { Cluster } from './cluster.ts'
import { defaultFilters } from './filters.ts'
import { makeNode, makePod } from './make-objects.ts'
import { countWanted, decide } from './pipeline.ts'
import { defaultScores } from './scores.ts'

function clusterOf(nodes: Stored<Node>[], placed: [Stored<Pod>, string][] = []): Cluster {
  const cluster = new Cluster()
  for (const node of nodes) cluster.setNode(node)
  for (const [pod, node] of placed) cluster.assume(pod, node)
  return cluster
}
const choose = (pod: Stored<Pod>, cluster: Cluster, random = () => 0) =>
  decide({ filters: defaultFilters, scores: defaultScores, random }, pod, cluster.nodes).nodeName
const ownedBy = (uid: string) => ({
  ownerReferences: [{ apiVersion: 'apps/v1', kind: 'ReplicaSet', name: uid, uid, controller: true }],
})

test('the emptier node is chosen', () => {
  const busy = makePod('busy', { requests: { cpu: '2', memory: '4Gi' } })
  const cluster = clusterOf([makeNode('n1'), makeNode('n2')], [[busy, 'n1']])
  expect(choose(makePod('p'), cluster)).toBe('n2')
})

test('pods without requests weigh something too', () => {
  const cluster = clusterOf([makeNode('n1'), makeNode('n2')], [[makePod('other'), 'n1']])
  expect(choose(makePod('p'), cluster)).toBe('n2')
})

test('pods of one controller spread over the nodes, even to the busier one', () => {
  const placed: [Stored<Pod>, string][] = [
    [makePod('web-1', { meta: ownedBy('rs') }), 'n1'],
    [makePod('busy', { requests: { cpu: '1' } }), 'n2'],
  ]
  expect(choose(makePod('web-2', { meta: ownedBy('rs') }), clusterOf([makeNode('n1'), makeNode('n2')], placed))).toBe(
    'n2',
  )
})

test('bare pods with the same labels spread as well', () => {
  const meta = { labels: { app: 'web' } }
  const placed: [Stored<Pod>, string][] = [
    [makePod('web-1', { meta }), 'n1'],
    [makePod('busy', { requests: { cpu: '1' } }), 'n2'],
  ]
  expect(choose(makePod('web-2', { meta }), clusterOf([makeNode('n1'), makeNode('n2')], placed))).toBe('n2')
})

test('ten pods of a workload come to four, three and three on three nodes', () => {
  const cluster = clusterOf(['n1', 'n2', 'n3'].map((name) => makeNode(name)))
  const counts = new Map<string, number>()
  for (let at = 0; at < 10; at++) {
    const pod = makePod(`web-${at}`, { meta: ownedBy('rs'), requests: { cpu: '100m' } })
    const node = choose(pod, cluster, Math.random) ?? 'none'
    cluster.assume(pod, node)
    counts.set(node, (counts.get(node) ?? 0) + 1)
  }
  expect([...counts.values()].sort()).toEqual([3, 3, 4])
})

test('a preferred node wins, by the sum of the weights', () => {
  const prefer = (key: string, weight: number) => ({
    weight,
    preference: { matchExpressions: [{ key, operator: 'Exists' }] },
  })
  const preferredDuringSchedulingIgnoredDuringExecution = [prefer('a', 10), prefer('b', 8), prefer('c', 8)]
  const pod = makePod('p', {
    spec: { affinity: { nodeAffinity: { preferredDuringSchedulingIgnoredDuringExecution } } },
  })
  const nodes = [makeNode('n1', { labels: { a: '' } }), makeNode('n2', { labels: { b: '', c: '' } }), makeNode('n3')]
  expect(choose(pod, clusterOf(nodes))).toBe('n2')
})

test('a node that would rather not is taken last', () => {
  const spec = { taints: [{ key: 'a', effect: 'PreferNoSchedule' }] }
  const busy = makePod('busy', { requests: { cpu: '3' } })
  const cluster = clusterOf([makeNode('n1', { spec }), makeNode('n2')], [[busy, 'n2']])
  expect(choose(makePod('p'), cluster)).toBe('n2')
  const tolerations = [{ key: 'a', operator: 'Exists' }]
  expect(choose(makePod('q', { spec: { tolerations } }), cluster)).toBe('n1')
})

test('among equals chance decides', () => {
  const cluster = clusterOf([makeNode('n1'), makeNode('n2'), makeNode('n3')])
  expect([0, 0.4, 0.99].map((chance) => choose(makePod('p'), cluster, () => chance))).toEqual(['n1', 'n2', 'n3'])
})

test('in a big cluster not all nodes are looked at, and the next decision goes on where the last ended', () => {
  expect([3, 100, 120, 1000, 5000, 10_000].map(countWanted)).toEqual([3, 100, 100, 420, 500, 500])
  const cluster = clusterOf(Array.from({ length: 300 }, (_, at) => makeNode(`n${at}`)))
  const seen: string[] = []
  const spy = (_: unknown, { name }: { name: string }) => {
    seen.push(name)
    return []
  }
  const filters = [{ name: 'Spy', reject: spy }]
  const pipeline = { filters, scores: [], random: () => 0 }
  const first = decide(pipeline, makePod('p'), cluster.nodes, 0)
  const second = decide(pipeline, makePod('q'), cluster.nodes, first.visited)
  expect(first.visited).toBe(144)
  expect(seen).toEqual(Array.from({ length: 288 }, (_, at) => `n${at}`))
  expect(second.nodeName).toBe('n144')
})
