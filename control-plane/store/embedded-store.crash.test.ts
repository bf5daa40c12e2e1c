import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { afterAll, expect, test } from 'vitest'
import { makeValue } from './crash-writer/value.ts'
import { openEmbeddedStore } from './embedded-store.ts'
import type { Entry, Store, StoreEvent } from './store.ts'

const writers = 8
const root = mkdtempSync(join(tmpdir(), 'fl-crash-'))
afterAll(() => rmSync(root, { recursive: true }))

/** What a writer was told last. */
interface Acknowledged {
  count: number
  revision: number
}

/** Lets a process write for a while after its first acknowledgement, and kills it. */
async function writeAndKill(acknowledged: Map<number, Acknowledged>, lifeMs: number): Promise<void> {
  const program = join(import.meta.dirname, 'crash-writer/main.ts')
  const child = spawn(process.execPath, [program, root, String(writers)], { stdio: ['ignore', 'pipe', 'inherit'] })
  child.stdout.once('data', () => setTimeout(() => child.kill('SIGKILL'), lifeMs))
  for await (const line of createInterface({ input: child.stdout })) {
    const [writer = 0, count, revision] = line.split(' ').map(Number)
    // A line that was cut by the kill has no revision.
    if (count !== undefined && revision !== undefined) acknowledged.set(writer, { count, revision })
  }
  if (child.signalCode === null) await once(child, 'exit')
  expect(child.signalCode).toBe('SIGKILL')
}

/** Replays all history that is left on top of the state where it starts. */
async function replay(store: Store, fromRevision: number): Promise<Map<string, Entry>> {
  const state = new Map((await store.list('/', { revision: fromRevision })).entries.map((entry) => [entry.key, entry]))
  const newest = await store.revision()
  let seen = fromRevision
  for await (const events of store.watch('/', fromRevision, AbortSignal.timeout(10_000))) {
    for (const event of events) seen = apply(state, event, seen)
    if (seen >= newest) break
  }
  return state
}

function apply(state: Map<string, Entry>, event: StoreEvent, seen: number): number {
  const [key, revision] = event.type === 'put' ? [event.entry.key, event.entry.revision] : [event.key, event.revision]
  expect(revision).toBe(seen + 1)
  expect(event.old).toEqual(state.get(key))
  if (event.type === 'put') state.set(key, event.entry)
  else state.delete(key)
  return revision
}

async function oldestRevision(store: Store): Promise<number> {
  const error = await store.get('/', { revision: 0 }).catch((caught: unknown) => caught)
  return (error as { oldestRevision: number }).oldestRevision
}

test('a process killed while it writes loses no acknowledged write, leaves no half write, and revisions go on', {
  timeout: 60_000,
}, async () => {
  const acknowledged = new Map<number, Acknowledged>()
  let newest = 0
  for (let round = 0; round < 20; round++) {
    await writeAndKill(acknowledged, 20 + round * 7)
    const store = openEmbeddedStore(root)
    const revision = await store.revision()
    expect(revision).toBeGreaterThan(newest)
    newest = revision
    for (const [writer, told] of acknowledged) {
      const entry = await store.get(`/crash/${writer}`)
      const count = Number(entry?.value.split(' ')[1])
      expect(entry?.value).toBe(makeValue(writer, count))
      // The write under way when the kill came may be there or not.
      expect([told.count, told.count + 1]).toContain(count)
      expect(entry?.revision).toBeGreaterThanOrEqual(told.revision)
      expect(revision).toBeGreaterThanOrEqual(told.revision)
    }
    const { entries } = await store.list('/')
    expect([...(await replay(store, await oldestRevision(store))).values()].sort(byKey)).toEqual(entries)
    await store.close()
  }
  expect(acknowledged.size).toBe(writers)
})

function byKey(a: Entry, b: Entry): number {
  return a.key < b.key ? -1 : 1
}
