import { expect, test } from 'vitest'
import { expireEvents, HistoryLimit } from './housekeeping.ts'
import { MemoryStore } from './store/memory-store.ts'

const at = (seconds: number) => new Date(Date.UTC(2026, 0, 1, 0, 0, seconds)).toISOString()
const event = (fields: object) => JSON.stringify({ metadata: { creationTimestamp: at(0) }, ...fields })

test('events that were not seen again for a while are removed, and nothing else', async () => {
  const store = new MemoryStore()
  await store.create('/registry/events/default/old', event({ lastTimestamp: at(10) }))
  await store.create('/registry/events/default/new', event({ lastTimestamp: at(30) }))
  await store.create('/registry/events/default/series', event({ series: { lastObservedTime: at(30) } }))
  await store.create('/registry/events/default/instant', event({ eventTime: at(30), lastTimestamp: null }))
  await store.create('/registry/events/default/strange', '{}')
  await store.create('/registry/pods/default/old', event({}))
  await expireEvents(store, Date.parse(at(20)))
  const { entries } = await store.list('/registry/')
  expect(entries.map(({ key }) => key.replace('/registry/', ''))).toEqual([
    'events/default/instant',
    'events/default/new',
    'events/default/series',
    'events/default/strange',
    'pods/default/old',
  ])
})

test('more events than fit one page are all looked at', async () => {
  const store = new MemoryStore()
  for (let i = 0; i < 1000; i++)
    await store.create(`/registry/events/default/${i}`, event({ lastTimestamp: at(i % 2) }))
  await expireEvents(store, Date.parse(at(1)))
  expect((await store.list('/registry/events/')).entries).toHaveLength(500)
})

test('history is kept for the time asked for, and no longer', async () => {
  const store = new MemoryStore()
  const limit = new HistoryLimit(store, 300)
  for (let minute = 0; minute <= 10; minute++) {
    await store.create(`/a/${minute}`, '')
    await limit.step(minute * 100)
    const revisionThen = Math.max(2 + minute - 3, 1)
    expect((await store.list('/a/', { revision: revisionThen })).entries).toHaveLength(revisionThen - 1)
    if (revisionThen > 2) await expect(store.list('/a/', { revision: revisionThen - 1 })).rejects.toThrow('compacted')
  }
})
