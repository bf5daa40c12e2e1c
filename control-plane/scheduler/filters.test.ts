import { expect, test } from 'vitest'
import type { Pod } from '../../api/generated/types.ts'
import type { Stored } from '../../api/objects/object.ts'
import { Cluster } from './cluster.ts'
import { defaultFilters } from './filters.ts'
import { makeNode, makePod, onHostPort } from './make-objects.ts'
import { decide, formatReasons } from './pipeline.ts'
import { defaultScores } from './scores.ts'

const pipeline = { filters: defaultFilters, scores: defaultScores, random: () => 0 }

/** Why the pod cannot run on the node beside the others; nothing if it can. */
function refusals(pod: Stored<Pod>, node = makeNode('n1'), others: Stored<Pod>[] = []): string[] {
  const cluster = new Cluster()
  cluster.setNode(node)
  for (const other of others) cluster.assume(other, 'n1')
  return [...decide(pipeline, pod, cluster.nodes).reasons.keys()]
}

const noSchedule = (key: string, value?: string, effect = 'NoSchedule') => ({
  spec: { taints: [{ key, value, effect }] },
})
const tolerating = (toleration: object) => makePod('p', { spec: { tolerations: [toleration] } })
const required = (...matchExpressions: object[]) => ({
  nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: [{ matchExpressions }] } },
})
const wanting = (affinity: unknown) => makePod('p', { spec: { affinity: affinity as object } })
const ssd = { labels: { disk: 'ssd', cores: '8' } }
const mismatch = ["node(s) didn't match Pod's node affinity/selector"]
const noPort = ["node(s) didn't have free ports for the requested pod ports"]

test.each([
  ['an empty node takes a pod', makePod('p'), makeNode('n1'), []],
  [
    'a cordoned node takes none',
    makePod('p'),
    makeNode('n1', { spec: { unschedulable: true } }),
    ['node(s) were unschedulable'],
  ],
  [
    'but one that tolerates the cordon',
    tolerating({ key: 'node.kubernetes.io/unschedulable', operator: 'Exists' }),
    makeNode('n1', { spec: { unschedulable: true } }),
    [],
  ],
  [
    'a taint refuses, with its key and value',
    makePod('p'),
    makeNode('n1', noSchedule('team', 'db')),
    ['node(s) had untolerated taint {team: db}'],
  ],
  [
    'a node that is not ready says so by its taint',
    makePod('p'),
    makeNode('n1', noSchedule('node.kubernetes.io/not-ready', undefined, 'NoExecute')),
    ['node(s) had untolerated taint {node.kubernetes.io/not-ready: }'],
  ],
  ['PreferNoSchedule refuses nothing', makePod('p'), makeNode('n1', noSchedule('a', 'b', 'PreferNoSchedule')), []],
  [
    'an equal toleration admits',
    tolerating({ key: 'team', value: 'db' }),
    makeNode('n1', noSchedule('team', 'db')),
    [],
  ],
  [
    'one of another value does not',
    tolerating({ key: 'team', value: 'web' }),
    makeNode('n1', noSchedule('team', 'db')),
    ['node(s) had untolerated taint {team: db}'],
  ],
  [
    'nor one for another effect',
    tolerating({ key: 'team', operator: 'Exists', effect: 'NoExecute' }),
    makeNode('n1', noSchedule('team', 'db')),
    ['node(s) had untolerated taint {team: db}'],
  ],
  ['Exists without key admits all', tolerating({ operator: 'Exists' }), makeNode('n1', noSchedule('team', 'db')), []],
  [
    'a node selector is met by labels',
    makePod('p', { spec: { nodeSelector: { disk: 'ssd' } } }),
    makeNode('n1', ssd),
    [],
  ],
  ['or not', makePod('p', { spec: { nodeSelector: { disk: 'hdd' } } }), makeNode('n1', ssd), mismatch],
  ['affinity In', wanting(required({ key: 'disk', operator: 'In', values: ['ssd', 'nvme'] })), makeNode('n1', ssd), []],
  [
    'affinity NotIn',
    wanting(required({ key: 'disk', operator: 'NotIn', values: ['ssd'] })),
    makeNode('n1', ssd),
    mismatch,
  ],
  ['affinity Gt', wanting(required({ key: 'cores', operator: 'Gt', values: ['4'] })), makeNode('n1', ssd), []],
  ['affinity Lt', wanting(required({ key: 'cores', operator: 'Lt', values: ['8'] })), makeNode('n1', ssd), mismatch],
  ['a term without conditions matches nothing', wanting(required()), makeNode('n1', ssd), mismatch],
  ['too much cpu', makePod('p', { requests: { cpu: '4001m' } }), makeNode('n1'), ['Insufficient cpu']],
  ['exactly all the cpu', makePod('p', { requests: { cpu: '4' } }), makeNode('n1'), []],
  [
    'every resource that is short is named',
    makePod('p', { requests: { cpu: '5', memory: '9Gi', 'example.com/gpu': '1' } }),
    makeNode('n1'),
    ['Insufficient cpu', 'Insufficient memory', 'Insufficient example.com/gpu'],
  ],
  ['a node that takes no pods', makePod('p'), makeNode('n1', { allocatable: { pods: '0' } }), ['Too many pods']],
])('%s', (_, pod, node, reasons) => {
  expect(refusals(pod, node)).toEqual(reasons)
})

test('pods that are there take their share', () => {
  const other = makePod('other', { requests: { cpu: '3', memory: '1Gi' } })
  expect(refusals(makePod('p', { requests: { cpu: '1' } }), makeNode('n1'), [other])).toEqual([])
  expect(refusals(makePod('p', { requests: { cpu: '1001m' } }), makeNode('n1'), [other])).toEqual(['Insufficient cpu'])
  const full = Array.from({ length: 10 }, (_, at) => makePod(`o${at}`))
  expect(refusals(makePod('p'), makeNode('n1'), full)).toEqual(['Too many pods'])
})

test('limits without requests are requests, and the largest init container counts, with the sidecars before it', () => {
  const limits = makePod('p', { spec: { containers: [{ name: 'a', resources: { limits: { cpu: '5' } } }] } })
  expect(refusals(limits)).toEqual(['Insufficient cpu'])
  const cpu = (amount: string) => ({ resources: { requests: { cpu: amount } } })
  const withInit = (...initContainers: object[]) =>
    makePod('p', {
      spec: {
        containers: [{ name: 'main', ...cpu('1') }],
        initContainers: initContainers.map((container, at) => ({ name: `i${at}`, ...container })),
      },
    })
  expect(refusals(withInit(cpu('3'), cpu('3')))).toEqual([])
  expect(refusals(withInit(cpu('4001m')))).toEqual(['Insufficient cpu'])
  expect(refusals(withInit({ ...cpu('2'), restartPolicy: 'Always' }, cpu('3')))).toEqual(['Insufficient cpu'])
  expect(refusals(withInit(cpu('3'), { ...cpu('2'), restartPolicy: 'Always' }))).toEqual([])
  expect(refusals(withInit({ ...cpu('3500m'), restartPolicy: 'Always' }))).toEqual(['Insufficient cpu'])
})

test.each([
  [onHostPort(80), onHostPort(80), noPort],
  [onHostPort(80), onHostPort(81), []],
  [onHostPort(80), onHostPort(80, undefined, 'UDP'), []],
  [onHostPort(80, '10.0.0.1'), onHostPort(80, '10.0.0.2'), []],
  [onHostPort(80, '10.0.0.1'), onHostPort(80), noPort],
  [onHostPort(80), onHostPort(80, '10.0.0.1'), noPort],
])('host ports of %j and %j give %j', (one, other, reasons) => {
  const [first, second] = [makePod('a', { spec: { containers: one } }), makePod('b', { spec: { containers: other } })]
  expect(refusals(second, makeNode('n1'), [first])).toEqual(reasons)
})

test('a host port is free again when its pod has gone', () => {
  const cluster = new Cluster()
  cluster.setNode(makeNode('n1'))
  const [first, second] = [1, 2].map((at) => makePod(`p${at}`, { spec: { containers: onHostPort(80) } }))
  if (first === undefined || second === undefined) throw new Error('two pods')
  cluster.assume(first, 'n1')
  cluster.removePod(first.metadata.uid)
  expect(decide(pipeline, second, cluster.nodes).nodeName).toBe('n1')
})

test("a pod that fits nowhere is told why in Kubernetes' words", () => {
  const cluster = new Cluster()
  cluster.setNode(makeNode('n1', { allocatable: { memory: '1Gi' } }))
  cluster.setNode(makeNode('n2', { allocatable: { memory: '1Gi' } }))
  cluster.setNode(makeNode('n3', noSchedule('node.kubernetes.io/not-ready')))
  const { reasons } = decide(pipeline, makePod('p', { requests: { memory: '2Gi' } }), cluster.nodes)
  expect(formatReasons(3, reasons)).toBe(
    '0/3 nodes are available: 1 node(s) had untolerated taint {node.kubernetes.io/not-ready: }, 2 Insufficient memory.',
  )
  expect(formatReasons(0, new Map())).toBe('no nodes available to schedule pods')
})
