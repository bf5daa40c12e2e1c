import { afterEach, expect, test, vi } from 'vitest'
import { FakeClient } from '../../api/client/fake-client.ts'
import type { Pod } from '../../api/generated/types.ts'
import { conflict } from '../../api/objects/status-error.ts'
import { events } from '../../api/resources/events.ts'
import { nodes } from '../../api/resources/nodes.ts'
import { pods } from '../../api/resources/pods.ts'
import { makeNode, makePod } from './make-objects.ts'
import { Scheduler } from './scheduler.ts'

let stop = new AbortController()
let running: Promise<void> | undefined
afterEach(async () => {
  stop.abort()
  await running
  stop = new AbortController()
})

/** A scheduler on a cluster whose API server binds as asked. */
function start(client = new FakeClient()) {
  const errors: unknown[] = []
  client.onSubresource(pods, 'binding', (name, body) => {
    const nodeName = Reflect.get(Reflect.get(body, 'target'), 'name')
    return client.patch(pods, name, 'application/merge-patch+json', { spec: { nodeName } })
  })
  running = new Scheduler({ client, onError: (error) => errors.push(error) }).run(stop.signal)
  return { client, errors }
}

const unborn = ({ metadata: { name, namespace, labels }, spec }: ReturnType<typeof makePod>): Pod => ({
  metadata: { name, namespace, labels },
  spec,
})
const find = (client: FakeClient, name: string) => client.get(pods, { namespace: 'default', name })
const isOn = (client: FakeClient, name: string, node: string) =>
  vi.waitFor(async () => expect((await find(client, name)).spec.nodeName).toBe(node), { timeout: 5_000 })
const messages = async (client: FakeClient, reason: string) =>
  (await client.list(events)).items.filter((event) => event.reason === reason).map(({ message }) => message)

test('a pod is bound to a node that fits, and its Event says so', async () => {
  const { client } = start()
  await client.create(nodes, makeNode('n1'))
  await client.create(pods, unborn(makePod('web')))
  await isOn(client, 'web', 'n1')
  await vi.waitFor(async () =>
    expect(await messages(client, 'Scheduled')).toEqual(['Successfully assigned default/web to n1']),
  )
})

test('a pod that fits nowhere says why, and is scheduled when a node comes', async () => {
  const { client } = start()
  await client.create(nodes, makeNode('small', { allocatable: { memory: '1Gi' } }))
  await client.create(pods, unborn(makePod('big', { requests: { memory: '2Gi' } })))
  const why = '0/1 nodes are available: 1 Insufficient memory.'
  await vi.waitFor(async () =>
    expect((await find(client, 'big')).status?.conditions).toMatchObject([
      { type: 'PodScheduled', status: 'False', reason: 'Unschedulable', message: why },
    ]),
  )
  await vi.waitFor(async () => expect(await messages(client, 'FailedScheduling')).toEqual([why]))
  await client.create(nodes, makeNode('large'))
  await isOn(client, 'big', 'large')
})

test('a pod that fits nowhere is scheduled when another goes or ends, and not tried meanwhile', async () => {
  const { client } = start()
  await client.create(nodes, makeNode('n1', { allocatable: { pods: '1' } }))
  await client.create(pods, unborn(makePod('first')))
  await isOn(client, 'first', 'n1')
  await client.create(pods, unborn(makePod('second')))
  await client.create(pods, unborn(makePod('third')))
  await vi.waitFor(async () => expect(await messages(client, 'FailedScheduling')).toHaveLength(2))
  const statusPatches = () => client.calls.filter((call) => call === 'patch pods').length
  const before = statusPatches()
  await new Promise((resolve) => setTimeout(resolve, 1_200))
  expect(statusPatches()).toBe(before)
  await client.patch(pods, { namespace: 'default', name: 'first' }, 'application/merge-patch+json', {
    status: { phase: 'Succeeded' },
  })
  const placed = () =>
    Promise.all(['second', 'third'].map(async (name) => (await find(client, name)).spec.nodeName)).then(
      (names) => names.filter((name) => name === 'n1').length,
    )
  await vi.waitFor(async () => expect(await placed()).toBe(1), { timeout: 5_000 })
})

test('pods that come together never overfill a node', async () => {
  const client = new FakeClient()
  for (const name of ['n1', 'n2']) await client.create(nodes, makeNode(name))
  for (let at = 0; at < 12; at++) await client.create(pods, unborn(makePod(`p${at}`, { requests: { cpu: '1' } })))
  start(client)
  await vi.waitFor(async () => expect(await messages(client, 'FailedScheduling')).toHaveLength(4))
  const { items } = await client.list(pods)
  const on = (node?: string) => items.filter(({ spec }) => spec.nodeName === node).length
  expect([on('n1'), on('n2'), on(undefined)]).toEqual([4, 4, 4])
})

test('a binding that fails is tried again, and its room is free meanwhile', async () => {
  const { client, errors } = start()
  const real = client.createSubresource.bind(client)
  vi.spyOn(client, 'createSubresource')
    .mockRejectedValueOnce(new Error('unreachable'))
    .mockRejectedValueOnce(conflict(pods, 'web'))
    .mockImplementation(real)
  await client.create(nodes, makeNode('n1', { allocatable: { pods: '1' } }))
  await client.create(pods, unborn(makePod('web')))
  await isOn(client, 'web', 'n1')
  expect(errors).toHaveLength(1)
})

test('pods of another scheduler, gated or leaving pods are left alone', async () => {
  const { client } = start()
  await client.create(nodes, makeNode('n1'))
  await client.create(pods, unborn(makePod('other', { spec: { schedulerName: 'mine' } })))
  await client.create(pods, unborn(makePod('gated', { spec: { schedulingGates: [{ name: 'wait' }] } })))
  await client.create(pods, {
    metadata: { name: 'leaving', namespace: 'default', deletionTimestamp: '2026-01-01T00:00:00Z' },
    spec: { containers: [] },
  })
  await client.create(pods, unborn(makePod('web')))
  await isOn(client, 'web', 'n1')
  for (const name of ['other', 'gated', 'leaving']) expect((await find(client, name)).spec.nodeName).toBeUndefined()
})

test('a gate that opens lets the pod in', async () => {
  const { client } = start()
  await client.create(nodes, makeNode('n1'))
  await client.create(pods, unborn(makePod('gated', { spec: { schedulingGates: [{ name: 'wait' }] } })))
  await client.patch(pods, { namespace: 'default', name: 'gated' }, 'application/merge-patch+json', {
    spec: { schedulingGates: [] },
  })
  await isOn(client, 'gated', 'n1')
})

test('a node that is uncordoned takes the pods that waited', async () => {
  const { client } = start()
  await client.create(nodes, makeNode('n1', { spec: { unschedulable: true } }))
  await client.create(pods, unborn(makePod('web')))
  await vi.waitFor(async () => expect(await messages(client, 'FailedScheduling')).toHaveLength(1))
  await client.patch(nodes, { name: 'n1' }, 'application/merge-patch+json', { spec: { unschedulable: false } })
  await isOn(client, 'web', 'n1')
})

test('pods of higher priority go first', async () => {
  const client = new FakeClient()
  await client.create(pods, unborn(makePod('low', { spec: { priority: 1 } })))
  await client.create(pods, unborn(makePod('high', { spec: { priority: 1000 } })))
  await client.create(nodes, makeNode('n1', { allocatable: { pods: '1' } }))
  start(client)
  await isOn(client, 'high', 'n1')
  expect((await find(client, 'low')).spec.nodeName).toBeUndefined()
})
