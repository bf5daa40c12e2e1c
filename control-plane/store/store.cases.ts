// What every Store does. Each implementation's test calls testStore with a way to make an empty one.

import { setImmediate } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import {
  CompactedError,
  type Entry,
  FutureRevisionError,
  KeyExistsError,
  RevisionMismatchError,
  type Store,
  type StoreEvent,
} from './store.ts'

/** Runs the suite on stores that make returns, each empty. */
export function testStore(make: () => Promise<Store>): void {
  let store: Store
  let stop: AbortController

  beforeEach(async () => {
    store = await make()
    stop = new AbortController()
  })
  afterEach(async () => {
    stop.abort()
    await store.close()
  })

  /** The next events of a watch, as soon as there are so many. */
  async function take(count: number, prefix: string, fromRevision: number): Promise<StoreEvent[]> {
    const seen: StoreEvent[] = []
    for await (const events of store.watch(prefix, fromRevision, stop.signal)) {
      seen.push(...events)
      if (seen.length >= count) break
    }
    return seen
  }

  const fill = async (count: number, prefix = '/a/'): Promise<Entry[]> =>
    Promise.all(Array.from({ length: count }, (_, i) => store.create(`${prefix}${String(i).padStart(4, '0')}`, `${i}`)))

  describe('writing', () => {
    test('a new store is at revision 1, and each write raises it by one', async () => {
      expect(await store.revision()).toBe(1)
      const created = await store.create('/a/x', 'one')
      expect(created).toEqual({ key: '/a/x', value: 'one', revision: 2, createRevision: 2 })
      const updated = await store.update('/a/x', 'two', 2)
      expect(updated).toEqual({ key: '/a/x', value: 'two', revision: 3, createRevision: 2 })
      const deleted = await store.delete('/a/x', 3)
      expect(deleted).toEqual({ key: '/a/x', value: 'two', revision: 4, createRevision: 2 })
      expect(await store.get('/a/x')).toBeUndefined()
      expect(await store.revision()).toBe(4)
    })

    test('a key that is taken cannot be created', async () => {
      await store.create('/a/x', 'one')
      await expect(store.create('/a/x', 'two')).rejects.toBeInstanceOf(KeyExistsError)
      expect((await store.get('/a/x'))?.value).toBe('one')
      expect(await store.revision()).toBe(2)
    })

    test('a key that was deleted can be created again and is a new one', async () => {
      const first = await store.create('/a/x', 'one')
      await store.delete('/a/x', first.revision)
      const second = await store.create('/a/x', 'two')
      expect(second.createRevision).toBe(second.revision)
      expect(await store.get('/a/x')).toEqual(second)
    })

    test('an update or delete at a stale revision is refused and shows what is there', async () => {
      const first = await store.create('/a/x', 'one')
      const second = await store.update('/a/x', 'two', first.revision)
      for (const write of [
        () => store.update('/a/x', 'three', first.revision),
        () => store.delete('/a/x', first.revision),
      ]) {
        const error = await write().catch((caught: unknown) => caught)
        expect(error).toBeInstanceOf(RevisionMismatchError)
        expect((error as RevisionMismatchError).current).toEqual(second)
      }
      expect(await store.get('/a/x')).toEqual(second)
    })

    test('an update or delete of a key that is gone is refused', async () => {
      const { revision } = await store.create('/a/x', 'one')
      await store.delete('/a/x', revision)
      for (const write of [() => store.update('/a/x', 'two', revision), () => store.delete('/a/x', revision)]) {
        const error = await write().catch((caught: unknown) => caught)
        expect(error).toBeInstanceOf(RevisionMismatchError)
        expect((error as RevisionMismatchError).current).toBeUndefined()
      }
    })

    test('of many that change the same key at once exactly one wins', async () => {
      const { revision } = await store.create('/a/x', 'start')
      const writes = Array.from({ length: 50 }, (_, i) => store.update('/a/x', `writer ${i}`, revision))
      const won = (await Promise.allSettled(writes)).filter((result) => result.status === 'fulfilled')
      expect(won.map(({ value }) => value)).toEqual([await store.get('/a/x')])
    })

    test('of many that create the same key at once exactly one wins', async () => {
      const writes = Array.from({ length: 50 }, (_, i) => store.create('/a/x', `writer ${i}`))
      const won = (await Promise.allSettled(writes)).filter((result) => result.status === 'fulfilled')
      expect(won.map(({ value }) => value)).toEqual([await store.get('/a/x')])
    })

    test('many counters that retry on a mismatch lose no step', async () => {
      await store.create('/a/count', '0')
      const step = async (): Promise<void> => {
        const entry = await store.get('/a/count')
        if (entry === undefined) throw new Error('the counter is gone')
        const next = store.update('/a/count', String(Number(entry.value) + 1), entry.revision)
        await next.catch((error: unknown) => {
          if (!(error instanceof RevisionMismatchError)) throw error
          return step()
        })
      }
      await Promise.all(Array.from({ length: 20 }, step))
      expect((await store.get('/a/count'))?.value).toBe('20')
    })

    test('concurrent writes of different keys get a revision each', async () => {
      const entries = await fill(200)
      expect(entries.map(({ revision }) => revision).sort((a, b) => a - b)).toEqual(
        Array.from({ length: 200 }, (_, i) => i + 2),
      )
    })

    test('values come back as they went in, whatever they hold', async () => {
      const values = ['', '\u0000', 'ä€😀', '{"a":"\\n"}', 'x'.repeat(2_000_000)]
      for (const [i, value] of values.entries()) await store.create(`/a/${i}`, value)
      const { entries } = await store.list('/a/')
      expect(entries.map(({ value }) => value)).toEqual(values)
    })
  })

  describe('reading', () => {
    test('a list holds exactly the keys below the prefix, in order of their bytes', async () => {
      for (const key of ['/a/b', '/a/ä', '/a/a-b', '/a/a', '/ab/x', '/b/x', '/a', '/a/😀', '/a/a/b', '/a/ﬀ'])
        await store.create(key, key)
      const { entries, revision, remaining } = await store.list('/a/')
      expect(entries.map(({ key }) => key)).toEqual(['/a/a', '/a/a-b', '/a/a/b', '/a/b', '/a/ä', '/a/ﬀ', '/a/😀'])
      expect(revision).toBe(11)
      expect(remaining).toBe(0)
    })

    test('a list of nothing is true for the newest revision', async () => {
      await store.create('/b/x', '')
      expect(await store.list('/a/')).toEqual({ entries: [], revision: 2, remaining: 0 })
    })

    test('pages at one revision join up to the list of that revision, in spite of later writes', async () => {
      const before = await fill(25)
      const first = await store.list('/a/', { limit: 10 })
      expect(first.remaining).toBe(15)
      await store.delete('/a/0015', before[15]?.revision ?? 0)
      await store.update('/a/0020', 'changed', before[20]?.revision ?? 0)
      await store.create('/a/0016x', 'new')
      const entries = first.entries
      for (let page = first; page.remaining > 0; ) {
        page = await store.list('/a/', { limit: 10, after: entries.at(-1)?.key, revision: first.revision })
        expect(page.revision).toBe(first.revision)
        entries.push(...page.entries)
      }
      expect(entries).toEqual(before)
    })

    test('a page after the key that is the prefix itself begins behind it', async () => {
      for (const key of ['/a', '/a/b']) await store.create(key, 'x')
      const { entries } = await store.list('/a', { after: '/a' })
      expect(entries.map(({ key }) => key)).toEqual(['/a/b'])
    })

    test('past states can be read', async () => {
      const first = await store.create('/a/x', 'one')
      const second = await store.update('/a/x', 'two', first.revision)
      await store.delete('/a/x', second.revision)
      const again = await store.create('/a/x', 'three')
      expect(await store.get('/a/x', { revision: 1 })).toBeUndefined()
      expect(await store.get('/a/x', { revision: first.revision })).toEqual(first)
      expect(await store.get('/a/x', { revision: second.revision })).toEqual(second)
      expect(await store.get('/a/x', { revision: second.revision + 1 })).toBeUndefined()
      expect(await store.get('/a/x', { revision: again.revision })).toEqual(again)
      expect((await store.list('/a/', { revision: second.revision + 1 })).entries).toEqual([])
      expect((await store.list('/a/', { revision: first.revision })).entries).toEqual([first])
    })

    test('a revision that has not come yet is refused', async () => {
      await expect(store.get('/a/x', { revision: 99 })).rejects.toBeInstanceOf(FutureRevisionError)
      await expect(store.list('/a/', { revision: 99 })).rejects.toBeInstanceOf(FutureRevisionError)
    })
  })

  describe('watching', () => {
    test('a watch tells of creation, change and deletion, with what was there before', async () => {
      const events = take(3, '/a/', 1)
      const created = await store.create('/a/x', 'one')
      const updated = await store.update('/a/x', 'two', created.revision)
      const deleted = await store.delete('/a/x', updated.revision)
      expect(await events).toEqual([
        { type: 'put', entry: created },
        { type: 'put', entry: updated, old: created },
        { type: 'delete', key: '/a/x', revision: deleted.revision, old: updated },
      ])
    })

    test('a watch from the past tells all that came after', async () => {
      const first = await store.create('/a/x', 'one')
      await store.create('/b/x', 'other')
      const second = await store.update('/a/x', 'two', first.revision)
      await store.delete('/a/x', second.revision)
      const again = await store.create('/a/x', 'three')
      expect(await take(3, '/a/', first.revision)).toEqual([
        { type: 'put', entry: second, old: first },
        { type: 'delete', key: '/a/x', revision: second.revision + 1, old: second },
        { type: 'put', entry: again },
      ])
    })

    test('a watcher that comes late or reads slowly misses nothing and sees nothing twice', async () => {
      const early = take(1500, '/a/', 1)
      const slow: number[] = []
      const reading = (async () => {
        for await (const events of store.watch('/a/', 1, stop.signal)) {
          slow.push(...events.map((event) => (event.type === 'put' ? event.entry.revision : event.revision)))
          for (let turn = 0; turn < 20; turn++) await setImmediate()
          if (slow.length >= 1500) return
        }
      })()
      for (let round = 0; round < 15; round++) await fill(100, `/a/${round}/`)
      const revisions = Array.from({ length: 1500 }, (_, i) => i + 2)
      await reading
      expect(slow).toEqual(revisions)
      expect((await early).length).toBe(1500)
      expect((await take(1500, '/a/', 1)).length).toBe(1500)
    })

    test('events of other prefixes do not wake a watch nor hide its own', async () => {
      const events = take(2, '/a/', 1)
      await fill(600, '/b/')
      const x = await store.create('/a/x', '')
      await fill(600, '/c/')
      const y = await store.create('/a/y', '')
      expect(await events).toEqual([
        { type: 'put', entry: x },
        { type: 'put', entry: y },
      ])
    })

    test('a watch ends when its signal aborts, also while it waits', async () => {
      const events = take(1, '/a/', 1)
      await setImmediate()
      stop.abort()
      expect(await events).toEqual([])
    })

    test('a watch ends when the store is closed', async () => {
      const events = take(1, '/a/', 1)
      await setImmediate()
      await store.close()
      expect(await events).toEqual([])
    })
  })

  describe('compaction', () => {
    test('history is gone up to the compacted revision and there after it', async () => {
      const first = await store.create('/a/x', 'one')
      const second = await store.update('/a/x', 'two', first.revision)
      const third = await store.update('/a/x', 'three', second.revision)
      await store.compact(second.revision)
      await expect(store.get('/a/x', { revision: first.revision })).rejects.toBeInstanceOf(CompactedError)
      await expect(store.list('/a/', { revision: first.revision })).rejects.toMatchObject({
        oldestRevision: second.revision,
      })
      await expect(take(1, '/a/', first.revision)).rejects.toBeInstanceOf(CompactedError)
      expect(await store.get('/a/x', { revision: second.revision })).toEqual(second)
      expect(await store.get('/a/x')).toEqual(third)
      expect(await take(1, '/a/', second.revision)).toEqual([{ type: 'put', entry: third, old: second }])
    })

    test('the present is untouched by compaction at the newest revision', async () => {
      const entries = await fill(50)
      await store.delete('/a/0007', entries[7]?.revision ?? 0)
      await store.compact(await store.revision())
      const kept = entries.filter((_, i) => i !== 7)
      expect((await store.list('/a/')).entries).toEqual(kept)
      expect((await store.create('/a/0007', 'back')).revision).toBe(53)
    })

    test('compacting twice, or further back than before, changes nothing', async () => {
      await fill(10)
      await store.compact(8)
      await store.compact(8)
      await store.compact(3)
      await expect(store.list('/a/', { revision: 7 })).rejects.toMatchObject({ oldestRevision: 8 })
      expect((await store.list('/a/', { revision: 8 })).entries).toHaveLength(7)
    })

    test('a watch that is up to date goes on over a compaction', async () => {
      const events = take(2, '/a/', 1)
      const x = await store.create('/a/x', '')
      await fill(20, '/b/')
      await store.compact(await store.revision())
      const y = await store.create('/a/y', '')
      expect(await events).toEqual([
        { type: 'put', entry: x },
        { type: 'put', entry: y },
      ])
    })
  })
}
