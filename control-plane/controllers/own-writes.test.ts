import { expect, test } from 'vitest'
import { FakeClient } from '../../api/client/fake-client.ts'
import type { Pod } from '../../api/generated/types.ts'
import { pods } from '../../api/resources/pods.ts'
import { OwnWrites, settleMs } from './own-writes.ts'

const pod = (name: string): Pod => ({ metadata: { namespace: 'default', name }, spec: { containers: [] } })

function setUp() {
  const clock = { nowMs: 0 }
  const client = new FakeClient()
  return { client, clock, writes: new OwnWrites<Pod>(client, pods, () => clock.nowMs) }
}

test('a pod that was made counts before the informer shows it, and once when it does', async () => {
  const { client, writes } = setUp()
  const made = await client.create(pods, pod('a'))
  writes.noteWritten('set', made, undefined)
  expect(writes.overlay('set', [])).toEqual([made])
  expect(writes.overlay('set', [made])).toEqual([made])
  writes.observe({ object: made })
  expect(writes.overlay('set', [])).toEqual([])
  expect(writes.isPending('set')).toBe(false)
})

test('a change that the informer showed before the answer came is not waited for', async () => {
  const { client, writes } = setUp()
  const made = await client.create(pods, pod('a'))
  writes.noteWritten('set', made, made)
  expect(writes.isPending('set')).toBe(false)
})

test('an older state does not hide what was written, a newer one does', async () => {
  const { client, writes } = setUp()
  const first = await client.create(pods, pod('a'))
  const second = await client.update(pods, { ...first, spec: { containers: [], nodeName: 'a' } })
  const third = await client.update(pods, { ...second, spec: { containers: [], nodeName: 'b' } })
  writes.noteWritten('set', second, first)
  expect(writes.overlay('set', [first])).toEqual([second])
  expect(writes.overlay('set', [third])).toEqual([third])
})

test('a pod that was deleted is left out until the informer says that it ends', async () => {
  const { client, writes } = setUp()
  const made = await client.create(pods, pod('a'))
  writes.noteDeleted('set', made, made)
  expect(writes.overlay('set', [made])).toEqual([])
  const ending = { ...made, metadata: { ...made.metadata, resourceVersion: '9', deletionTimestamp: 'now' } }
  writes.observe({ old: made, object: ending })
  expect(writes.overlay('set', [ending])).toEqual([ending])
})

test('a pod that came and went unseen is looked up in the end, one that is only late is kept', async () => {
  const { client, clock, writes } = setUp()
  const late = await client.create(pods, pod('late'))
  const ghost = await client.create(pods, pod('ghost'))
  writes.noteWritten('set', late, undefined)
  writes.noteWritten('set', ghost, undefined)
  await client.delete(pods, ghost.metadata)
  clock.nowMs = settleMs - 1
  await writes.settle('set')
  expect(writes.overlay('set', [])).toHaveLength(2)
  clock.nowMs = settleMs
  await writes.settle('set')
  expect(writes.overlay('set', [])).toEqual([late])
})
