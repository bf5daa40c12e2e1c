import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, expect, test } from 'vitest'
import { openEmbeddedStore } from './embedded-store.ts'
import { MemoryStore } from './memory-store.ts'
import type { Store } from './store.ts'

const root = mkdtempSync(join(tmpdir(), 'fl-model-'))
afterAll(() => rmSync(root, { recursive: true }))

// One random step. Revisions are given as steps back from the newest, so that they often hit.
interface Write {
  op: 'create' | 'delete' | 'update'
  key: string
  value: string
  stale: boolean
}
interface Other {
  op: 'compact' | 'list' | 'get' | 'watch'
  key: string
  back: number
  limit: number
}
type Step = Write | Other

const key = fc.constantFrom('/a/a', '/a/b', '/a/b/c', '/ab', '/b/a', '/a/ä')
const step = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      op: fc.constantFrom('create' as const, 'delete' as const, 'update' as const),
      key,
      value: fc.string({ maxLength: 5 }),
      stale: fc.boolean(),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      op: fc.constantFrom('compact' as const, 'list' as const, 'get' as const, 'watch' as const),
      key: fc.oneof(key, fc.constantFrom('/', '/a', '/a/', '')),
      back: fc.nat(8),
      limit: fc.integer({ min: 1, max: 4 }),
    }),
  },
)

async function write(store: Store, { op, key, value, stale }: Write): Promise<unknown> {
  if (op === 'create') return await store.create(key, value)
  const newest = await store.revision()
  const revision = stale ? newest - 1 : ((await store.get(key))?.revision ?? newest)
  return op === 'update' ? await store.update(key, value, revision) : await store.delete(key, revision)
}

async function readOrCompact(store: Store, { op, key, back, limit }: Other): Promise<unknown> {
  const revision = (await store.revision()) - back
  if (op === 'compact') return await store.compact(revision)
  if (op === 'get') return await store.get(key, { revision })
  if (op === 'list') return await store.list(key, { revision, limit, after: '/a/a' })
  for await (const events of store.watch(key, revision, AbortSignal.timeout(2))) return events
  return []
}

const outcome = (store: Store, step: Step) =>
  ('value' in step ? write(store, step) : readOrCompact(store, step)).catch((error: Error & { code?: string }) => ({
    code: error.code,
    message: error.message,
  }))

test('the embedded store answers like the plain one, whatever is asked in whatever order', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 40 }), async (steps) => {
      const plain = new MemoryStore()
      const embedded = openEmbeddedStore(mkdtempSync(join(root, 'data-')))
      for (const each of steps) expect(await outcome(embedded, each)).toEqual(await outcome(plain, each))
      expect(await embedded.list('')).toEqual(await plain.list(''))
      await embedded.close()
    }),
    { numRuns: 60 },
  )
})
