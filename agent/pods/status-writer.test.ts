import { expect, test, vi } from 'vitest'
import { FakeClient } from '../../api/client/fake-client.ts'
import { pods } from '../../api/resources/pods.ts'
import { changesOf, StatusWriter } from './status-writer.ts'
import { StrategicClient } from './test-client.ts'
import { makePod } from './test-pods.ts'

test('a patch holds what differs, and null for what went', () => {
  const old = { phase: 'Running', podIP: '10.244.0.2', startTime: 't' }
  expect(changesOf(old, { phase: 'Failed', startTime: 't' })).toEqual({ phase: 'Failed', podIP: null })
})

test('the newest status wins, and an equal one is not written', async () => {
  const client = new FakeClient()
  const pod = await client.create(pods, makePod())
  const writer = new StatusWriter({ client, onError() {} })
  for (const phase of ['Pending', 'Running', 'Failed', 'Failed']) writer.set(pod, { phase })
  await writer.flush(pod.metadata.uid)
  expect((await client.get(pods, pod.metadata)).status?.phase).toBe('Failed')
  expect(client.calls.filter((call) => call === 'patch pods').length).toBeLessThan(3)
})

test('a write that fails is tried again', async () => {
  const client = new FakeClient()
  const pod = await client.create(pods, makePod())
  const patch = client.patch.bind(client)
  let failures = 1
  vi.spyOn(client, 'patch').mockImplementation(async (...args) => {
    if (failures-- > 0) throw new Error('no route to host')
    return await patch(...args)
  })
  const errors: unknown[] = []
  const writer = new StatusWriter({ client, onError: (error) => errors.push(error) })
  writer.set(pod, { phase: 'Running' })
  await writer.flush(pod.metadata.uid)
  expect((await client.get(pods, pod.metadata)).status?.phase).toBe('Running')
  expect(errors).toHaveLength(1)
})

test('what others have written meanwhile is not lost', async () => {
  const gate = { type: 'example.com/in-rotation', status: 'False' }
  const ready = { type: 'Ready', status: 'False', reason: 'ContainersNotReady' }
  const client = new StrategicClient()
  const pod = await client.create(pods, makePod({}, { conditions: [gate, ready], podIPs: [{ ip: '10.244.0.2' }] }))
  const status = { ...pod.status, conditions: [{ ...gate, status: 'True' }, ready] }
  await client.update(pods, { ...pod, status })
  const writer = new StatusWriter({ client, onError() {} })
  const { reason: _gone, ...isReady } = { ...ready, status: 'True' }
  writer.set(pod, { conditions: [isReady, gate], podIPs: [{ ip: '10.244.0.3' }, { ip: 'fd00::3' }] })
  await writer.flush(pod.metadata.uid)
  const written = (await client.get(pods, pod.metadata)).status
  expect(written?.conditions).toHaveLength(2)
  expect(written?.conditions).toEqual(expect.arrayContaining([isReady, { ...gate, status: 'True' }]))
  expect(written?.podIPs).toEqual([{ ip: '10.244.0.3' }, { ip: 'fd00::3' }])
})
