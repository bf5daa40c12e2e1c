import { expect, test } from 'vitest'
import type { EndpointSlice, Pod, Service, ServiceSpec } from '../../../api/generated/types.ts'
import type { Stored } from '../../../api/objects/object.ts'
import { makeEndpoints } from '../endpoints/plan.ts'
import { planSlices } from './plan.ts'

const meta = (name: string) => ({
  name,
  namespace: 'default',
  uid: name,
  resourceVersion: '1',
  creationTimestamp: new Date(0).toISOString(),
})

const service = (spec: Partial<ServiceSpec> = {}): Stored<Service> => ({
  metadata: meta('web'),
  spec: { selector: { app: 'web' }, ports: [{ port: 80, targetPort: 'http', protocol: 'TCP' }], ...spec },
})

function pod(number: number, { ready = true, deleting = false, port = 8080 } = {}): Stored<Pod> {
  return {
    metadata: {
      ...meta(`web-${String(number).padStart(4, '0')}`),
      ...(deleting && { deletionTimestamp: new Date(0).toISOString() }),
    },
    spec: { nodeName: 'node-1', containers: [{ name: 'web', ports: [{ name: 'http', containerPort: port }] }] },
    status: {
      phase: 'Running',
      podIP: `10.0.${number >> 8}.${number & 255}`,
      conditions: [{ type: 'Ready', status: ready ? 'True' : 'False' }],
    },
  }
}

const pods = (count: number) => Array.from({ length: count }, (_, i) => pod(i + 1))

/** What is there after the plan was carried out. */
function carryOut(present: Stored<EndpointSlice>[], plan: ReturnType<typeof planSlices>): Stored<EndpointSlice>[] {
  const updated = new Map(plan.update.map((slice) => [slice.metadata.uid, slice]))
  const kept = present.filter((slice) => !plan.remove.includes(slice))
  const created = plan.create.map((slice, i) => ({
    ...slice,
    metadata: { ...slice.metadata, ...meta(`s-${present.length + i}`) },
  }))
  return [...kept.map((slice) => updated.get(slice.metadata.uid) ?? slice), ...created]
}

const slicesFor = (all: Stored<Pod>[]) => carryOut([], planSlices(service(), all, []))
const writes = ({ create, update, remove }: ReturnType<typeof planSlices>) => [
  create.length,
  update.length,
  remove.length,
]
const sizes = (slices: Stored<EndpointSlice>[]) => slices.map(({ endpoints }) => endpoints?.length)

test('a slice holds at most 100 endpoints', () => {
  expect(sizes(slicesFor(pods(250)))).toEqual([100, 100, 50])
})

test('one pod that changes, comes or goes among hundreds writes one slice', () => {
  const slices = slicesFor(pods(250))
  const changed = pods(250).with(120, pod(121, { ready: false }))
  expect(writes(planSlices(service(), changed, slices))).toEqual([0, 1, 0])
  expect(writes(planSlices(service(), pods(251), slices))).toEqual([0, 1, 0])
  expect(writes(planSlices(service(), pods(250).toSpliced(7, 1), slices))).toEqual([0, 1, 0])
  expect(writes(planSlices(service(), pods(250), slices))).toEqual([0, 0, 0])
})

test('a pod that takes the place of another goes to its slice', () => {
  const slices = slicesFor(pods(200))
  const plan = planSlices(service(), [...pods(200).toSpliced(150, 1), pod(999)], slices)
  expect(writes(plan)).toEqual([0, 1, 0])
  expect(sizes(carryOut(slices, plan))).toEqual([100, 100])
})

test.each([
  ['ready', pod(1), {}, { ready: true, serving: true, terminating: false }],
  ['not ready', pod(1, { ready: false }), {}, { ready: false, serving: false, terminating: false }],
  ['ending', pod(1, { deleting: true }), {}, { ready: false, serving: true, terminating: true }],
  [
    'published all the same',
    pod(1, { ready: false }),
    { publishNotReadyAddresses: true },
    { ready: true, serving: false, terminating: false },
  ],
])('a pod that is %s', (_, one, spec, conditions) => {
  const [slice] = planSlices(service(spec), [one], []).create
  expect(slice?.endpoints).toEqual([
    {
      addresses: ['10.0.0.1'],
      conditions,
      nodeName: 'node-1',
      targetRef: { kind: 'Pod', namespace: 'default', name: 'web-0001', uid: 'web-0001' },
    },
  ])
})

test('pods that listen elsewhere under the same port name get a slice of their own', () => {
  const { create } = planSlices(service(), [pod(1), pod(2, { port: 9090 })], [])
  expect(create.map(({ ports }) => ports?.map(({ port }) => port))).toEqual([[8080], [9090]])
})

test('a service without pods has one empty slice, which the first pod fills', () => {
  const empty = carryOut([], planSlices(service(), [], []))
  expect(empty.map(({ endpoints, ports }) => [endpoints, ports])).toEqual([[[], []]])
  expect(writes(planSlices(service(), [pod(1)], empty))).toEqual([0, 1, 0])
  const filled = slicesFor([pod(1)])
  expect(writes(planSlices(service(), [], filled))).toEqual([0, 1, 0])
})

test('a slice belongs to its service and says so', () => {
  const [slice] = planSlices(service({ clusterIP: 'None' }), [], []).create
  expect(slice?.metadata).toMatchObject({
    generateName: 'web-',
    labels: {
      'kubernetes.io/service-name': 'web',
      'endpointslice.kubernetes.io/managed-by': 'endpointslice-controller.k8s.io',
      'service.kubernetes.io/headless': '',
    },
    ownerReferences: [
      { apiVersion: 'v1', kind: 'Service', name: 'web', uid: 'web', controller: true, blockOwnerDeletion: true },
    ],
  })
})

test('endpoints list ready and other pods apart, and leave out those that end', () => {
  const all = [pod(1), pod(2, { ready: false }), pod(3, { deleting: true })]
  const [subset] = makeEndpoints(service(), all, undefined).subsets ?? []
  expect(subset?.addresses?.map(({ ip }) => ip)).toEqual(['10.0.0.1'])
  expect(subset?.notReadyAddresses?.map(({ ip }) => ip)).toEqual(['10.0.0.2'])
  expect(subset?.ports).toEqual([{ port: 8080, protocol: 'TCP' }])
})

test('endpoints beyond a thousand are cut off, and that is said', () => {
  const made = makeEndpoints(service(), [pod(1, { ready: false }), ...pods(1001).slice(1)], undefined)
  expect(made.subsets?.[0]?.addresses).toHaveLength(1000)
  expect(made.subsets?.[0]?.notReadyAddresses).toBeUndefined()
  expect(made.metadata?.annotations).toEqual({ 'endpoints.kubernetes.io/over-capacity': 'truncated' })
})
