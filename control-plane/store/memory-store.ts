// A Store that forgets everything at the end of the process, for tests. It is also the plain one of the two
// implementations: past states are made by undoing events from the newest one back.

import {
  CompactedError,
  type Entry,
  type EntryList,
  FutureRevisionError,
  KeyExistsError,
  type ListQuery,
  RevisionMismatchError,
  type Store,
  type StoreEvent,
} from './store.ts'
import { type HistoryPage, keyOf, revisionOf, WatchHub } from './watch-hub.ts'

export class MemoryStore implements Store {
  readonly #entries = new Map<string, Entry>()
  /** Every event after #compacted. */
  #history: StoreEvent[] = []
  #revision = 1
  #compacted = 1
  readonly #closed = new AbortController()
  readonly #hub = new WatchHub({
    revision: this.#revision,
    readHistory: (prefix, after) => this.#readHistory(prefix, after),
  })

  async revision(): Promise<number> {
    return this.#revision
  }

  async get(key: string, { revision }: { revision?: number } = {}): Promise<Entry | undefined> {
    return this.#entriesAt(revision).get(key)
  }

  async list(prefix: string, { after, limit, revision }: ListQuery = {}): Promise<EntryList> {
    const matching = [...this.#entriesAt(revision).values()]
      .filter(({ key }) => key.startsWith(prefix) && (after === undefined || compareKeys(key, after) > 0))
      .sort((a, b) => compareKeys(a.key, b.key))
    const entries = matching.slice(0, limit)
    return { entries, revision: revision ?? this.#revision, remaining: matching.length - entries.length }
  }

  async create(key: string, value: string): Promise<Entry> {
    if (this.#entries.has(key)) throw new KeyExistsError(key)
    return this.#put({ key, value, revision: this.#revision + 1, createRevision: this.#revision + 1 })
  }

  async update(key: string, value: string, expectedRevision: number): Promise<Entry> {
    const old = this.#expect(key, expectedRevision)
    return this.#put({ ...old, value, revision: this.#revision + 1 }, old)
  }

  async delete(key: string, expectedRevision: number): Promise<Entry> {
    const old = this.#expect(key, expectedRevision)
    this.#revision += 1
    this.#entries.delete(key)
    this.#record({ type: 'delete', key, revision: this.#revision, old })
    return { ...old, revision: this.#revision }
  }

  watch(prefix: string, fromRevision: number, signal: AbortSignal): AsyncIterable<StoreEvent[]> {
    return this.#hub.watch(prefix, fromRevision, AbortSignal.any([signal, this.#closed.signal]))
  }

  async compact(revision: number): Promise<void> {
    if (revision > this.#revision) throw new FutureRevisionError(revision, this.#revision)
    this.#compacted = Math.max(this.#compacted, revision)
    this.#history = this.#history.filter((event) => revisionOf(event) > this.#compacted)
    this.#hub.forget(this.#compacted)
  }

  async close(): Promise<void> {
    this.#closed.abort()
  }

  #put(entry: Entry, old?: Entry): Entry {
    this.#revision = entry.revision
    this.#entries.set(entry.key, entry)
    this.#record({ type: 'put', entry, ...(old !== undefined && { old }) })
    return entry
  }

  #record(event: StoreEvent): void {
    this.#history.push(event)
    this.#hub.publish([event])
  }

  #expect(key: string, expectedRevision: number): Entry {
    const current = this.#entries.get(key)
    if (current?.revision !== expectedRevision) throw new RevisionMismatchError(key, expectedRevision, current)
    return current
  }

  #entriesAt(revision: number | undefined): Map<string, Entry> {
    if (revision === undefined || revision === this.#revision) return this.#entries
    if (revision > this.#revision) throw new FutureRevisionError(revision, this.#revision)
    if (revision < this.#compacted) throw new CompactedError(revision, this.#compacted)
    const entries = new Map(this.#entries)
    for (const event of this.#history.toReversed()) {
      if (revisionOf(event) <= revision) break
      if (event.old !== undefined) entries.set(event.old.key, event.old)
      else if (event.type === 'put') entries.delete(event.entry.key)
    }
    return entries
  }

  #readHistory(prefix: string, afterRevision: number): HistoryPage {
    if (afterRevision < this.#compacted) throw new CompactedError(afterRevision, this.#compacted)
    const events = this.#history.filter((event) => revisionOf(event) > afterRevision && keyOf(event).startsWith(prefix))
    return { events, through: this.#revision }
  }
}

function compareKeys(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b))
}
