import { afterEach, expect, test, vi } from 'vitest'
import { events } from '../resources/events.ts'
import { nodes } from '../resources/nodes.ts'
import { EventRecorder } from './event-recorder.ts'
import { FakeClient } from './fake-client.ts'

afterEach(() => vi.useRealTimers())

const pod = {
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'web', namespace: 'shop', uid: 'u1', resourceVersion: '5' },
}

test('an Event names the object, who tells and when', async () => {
  const client = new FakeClient()
  const recorder = new EventRecorder(client, { component: 'kubelet', host: 'node-1' })
  recorder.event(pod, 'Normal', 'Started', 'Started container web', 'spec.containers{web}')
  await recorder.flush()
  const [event] = (await client.list(events)).items
  expect(event).toMatchObject({
    metadata: { namespace: 'shop', name: expect.stringMatching(/^web\.[0-9a-f]{16}$/) },
    involvedObject: { ...{ apiVersion: 'v1', kind: 'Pod' }, ...pod.metadata, fieldPath: 'spec.containers{web}' },
    type: 'Normal',
    reason: 'Started',
    message: 'Started container web',
    source: { component: 'kubelet', host: 'node-1' },
    count: 1,
  })
  expect(event?.firstTimestamp).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/)
})

test('repeats raise the count of one Event, whether they wait or come later', async () => {
  const client = new FakeClient()
  const recorder = new EventRecorder(client, { component: 'kubelet' })
  for (let times = 0; times < 3; times++) recorder.event(pod, 'Warning', 'BackOff', 'Back-off')
  await recorder.flush()
  recorder.event(pod, 'Warning', 'BackOff', 'Back-off')
  recorder.event(pod, 'Warning', 'BackOff', 'another message')
  await recorder.flush()
  const { items } = await client.list(events)
  expect(items.map(({ message, count }) => [message, count])).toEqual([
    ['Back-off', 4],
    ['another message', 1],
  ])
})

test('a repeat of an Event that is gone, or long ago, makes a new one', async () => {
  vi.useFakeTimers({ toFake: ['Date'] })
  const client = new FakeClient()
  const recorder = new EventRecorder(client, { component: 'kubelet' })
  const tell = async () => {
    recorder.event(pod, 'Normal', 'Pulled', 'there')
    await recorder.flush()
  }
  await tell()
  const [first] = (await client.list(events)).items
  await client.delete(events, { namespace: 'shop', name: first?.metadata.name ?? '' })
  await tell()
  vi.setSystemTime(Date.now() + 601_000)
  await tell()
  expect((await client.list(events)).items.map(({ count }) => count)).toEqual([1, 1])
})

test('Events of objects without a namespace are in the default namespace', async () => {
  const client = new FakeClient()
  const recorder = new EventRecorder(client, { component: 'node-controller' })
  recorder.event(await client.create(nodes, { metadata: { name: 'n1' } }), 'Normal', 'NodeReady', 'ready')
  await recorder.flush()
  expect((await client.list(events, { namespace: 'default' })).items).toHaveLength(1)
})

test('a server that cannot be reached is reported, not thrown, and loses no later Event', async () => {
  const client = new FakeClient()
  const errors: unknown[] = []
  const recorder = new EventRecorder(client, { component: 'kubelet', onError: (error) => errors.push(error) })
  vi.spyOn(client, 'create').mockRejectedValueOnce(new Error('unreachable'))
  recorder.event(pod, 'Normal', 'A', 'lost')
  recorder.event(pod, 'Normal', 'B', 'kept')
  await recorder.flush()
  expect(errors).toEqual([new Error('unreachable')])
  expect((await client.list(events)).items.map(({ reason }) => reason)).toEqual(['B'])
})

test('the queue has a limit', async () => {
  const client = new FakeClient()
  const recorder = new EventRecorder(client, { component: 'kubelet' })
  for (let index = 0; index < 3_000; index++) recorder.event(pod, 'Normal', 'Flood', `message ${index}`)
  await recorder.flush()
  expect((await client.list(events)).items.length).toBeLessThan(1_100)
})
