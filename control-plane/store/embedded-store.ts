// The Store on one machine's disk, for a control plane of one process. Decisions (does the key exist, is the revision
// right) are made at once and in order, against what the disk has and what is on its way there; acknowledgements, reads
// and watches only ever show what is durable. Writes that come while a sync is under way share the next one.

import { setImmediate } from 'node:timers/promises'
import { Turns } from '../../api/client/turns.ts'
import { DiskLog, type Mutation } from './disk-log.ts'
import { planRemoval, readHistory, toEvents } from './history.ts'
import type { Head } from './record.ts'
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
import { type HistoryPage, WatchHub } from './watch-hub.ts'

/** Writes that become durable together. */
interface Batch {
  mutations: Mutation[]
  durable: PromiseWithResolvers<void>
}

/** A key's newest write while it is not durable. */
interface PendingHead extends Head {
  value: string | undefined
  durable: Promise<void>
}

/** LMDB's limit is 1978 bytes for pages of 4 kB; object keys stay far below. */
const maxKeyBytes = 1024

/** Opens the store in a directory, which it makes if need be. Throws DirectoryLockedError when another process has it. */
export function openEmbeddedStore(directory: string): EmbeddedStore {
  return new EmbeddedStore(new DiskLog(directory))
}

export class EmbeddedStore implements Store {
  readonly #disk: DiskLog
  readonly #hub: WatchHub
  readonly #closed = new AbortController()
  readonly #pending = new Map<string, PendingHead>()
  #next = newBatch()
  /** Of the newest write decided on, durable or not. */
  #head: number
  #compacted: number
  /** Everything that writes to the disk goes through here, one after the other. */
  readonly #turns = new Turns()
  #failure: Error | undefined

  constructor(disk: DiskLog) {
    this.#disk = disk
    this.#head = disk.revision()
    this.#compacted = disk.compacted()
    this.#hub = new WatchHub({
      revision: this.#head,
      readHistory: (prefix, after) => this.#readHistory(prefix, after),
    })
  }

  async revision(): Promise<number> {
    return this.#disk.revision()
  }

  async get(key: string, { revision }: { revision?: number } = {}): Promise<Entry | undefined> {
    return this.#disk.read((transaction) => {
      this.#checkRevision(revision, this.#disk.revision(transaction))
      const head = key === '' ? undefined : this.#disk.head(key, transaction)
      return head && this.#disk.entryAt(key, head, revision ?? head.revision, transaction)
    })
  }

  async list(prefix: string, { after = '', limit, revision }: ListQuery = {}): Promise<EntryList> {
    return this.#disk.read((transaction) => {
      const newest = this.#disk.revision(transaction)
      this.#checkRevision(revision, newest)
      const at = revision ?? newest
      const entries: Entry[] = []
      let remaining = 0
      for (const [key, head] of this.#disk.headsBelow(prefix, after, transaction)) {
        if (head.deleted && head.revision <= at) continue
        const full = limit !== undefined && entries.length >= limit
        if (full && head.revision <= at) remaining += 1
        else {
          const entry = this.#disk.entryAt(key, head, at, transaction)
          if (entry !== undefined && full) remaining += 1
          else if (entry !== undefined) entries.push(entry)
        }
      }
      return { entries, revision: at, remaining }
    })
  }

  async create(key: string, value: string): Promise<Entry> {
    validateKey(key)
    const head = this.#newestHead(key)
    if (head !== undefined && !head.deleted) return await this.#refuse(key, () => new KeyExistsError(key))
    const revision = this.#head + 1
    return await this.#write(head, { key, value, createRevision: revision })
  }

  async update(key: string, value: string, expectedRevision: number): Promise<Entry> {
    const head = this.#newestHead(key)
    if (!isAt(head, expectedRevision)) return await this.#refuseStale(key, expectedRevision)
    return await this.#write(head, { key, value, createRevision: head.createRevision })
  }

  async delete(key: string, expectedRevision: number): Promise<Entry> {
    const head = this.#newestHead(key)
    if (!isAt(head, expectedRevision)) return await this.#refuseStale(key, expectedRevision)
    const value = this.#pending.get(key)?.value ?? this.#disk.record(head.revision)?.value ?? ''
    const deleted = await this.#write(head, { key, value: undefined, createRevision: head.createRevision })
    return { ...deleted, value }
  }

  watch(prefix: string, fromRevision: number, signal: AbortSignal): AsyncIterable<StoreEvent[]> {
    return this.#hub.watch(prefix, fromRevision, AbortSignal.any([signal, this.#closed.signal]))
  }

  async compact(revision: number): Promise<void> {
    const newest = this.#disk.revision()
    if (revision > newest) throw new FutureRevisionError(revision, newest)
    while (this.#compacted < revision && !this.#closed.signal.aborted) {
      await this.#turns.take(() => this.#compactStep(revision))
      await setImmediate()
    }
  }

  async close(): Promise<void> {
    if (this.#closed.signal.aborted) return
    this.#closed.abort()
    this.#failure = new Error('the store is closed')
    await this.#turns.take(() => this.#disk.close())
  }

  #newestHead(key: string): PendingHead | Head | undefined {
    if (this.#failure !== undefined) throw this.#failure
    return this.#pending.get(key) ?? this.#disk.head(key)
  }

  async #write(
    head: Head | undefined,
    { key, value, createRevision }: { key: string; value: string | undefined; createRevision: number },
  ): Promise<Entry> {
    this.#head += 1
    const revision = this.#head
    const batch = this.#next
    if (batch.mutations.length === 0) void this.#turns.take(() => this.#flush(batch))
    batch.mutations.push({ key, value, revision, createRevision, previousRevision: head?.revision ?? 0 })
    const durable = batch.durable.promise
    this.#pending.set(key, { revision, createRevision, deleted: value === undefined, value, durable })
    await durable
    return { key, value: value ?? '', revision, createRevision }
  }

  /** A refusal may rest on a write that is not durable yet: it waits for that. */
  async #refuse(key: string, reason: () => Error): Promise<never> {
    await this.#pending.get(key)?.durable
    throw reason()
  }

  async #refuseStale(key: string, expectedRevision: number): Promise<never> {
    await this.#pending.get(key)?.durable
    throw new RevisionMismatchError(key, expectedRevision, await this.get(key))
  }

  async #flush(batch: Batch): Promise<void> {
    if (batch.mutations.length === 0) return // failed with an earlier one
    this.#next = newBatch()
    const events = toEvents(this.#disk, batch.mutations)
    try {
      await this.#disk.commit(batch.mutations)
    } catch (error) {
      this.#fail(batch, error)
      return
    }
    for (const { key, revision } of batch.mutations)
      if (this.#pending.get(key)?.revision === revision) this.#pending.delete(key)
    this.#hub.publish(events)
    batch.durable.resolve()
  }

  /** Writes decided on since may rest on the failed ones, so they fail too. Their revisions are never used again. */
  #fail(batch: Batch, cause: unknown): void {
    const error = new Error('cannot write to the store', { cause })
    // The disk took it but could not say so: nobody knows what a restart will find, and watchers have not heard of it.
    if (this.#disk.revision() >= (batch.mutations[0]?.revision ?? 0)) this.#failure = error
    const rest = this.#next
    this.#next = newBatch()
    this.#pending.clear()
    batch.durable.reject(error)
    if (rest.mutations.length > 0) rest.durable.reject(error)
    rest.mutations = []
  }

  #readHistory(prefix: string, afterRevision: number): HistoryPage {
    if (afterRevision < this.#compacted) throw new CompactedError(afterRevision, this.#compacted)
    return readHistory(this.#disk, prefix, afterRevision)
  }

  /** Removes what the next records up to the revision have replaced. */
  async #compactStep(revision: number): Promise<void> {
    const removal = planRemoval(this.#disk, this.#compacted, revision)
    this.#compacted = removal.through
    this.#hub.forget(removal.through)
    await this.#disk.remove(removal)
  }

  #checkRevision(asked: number | undefined, newest: number): void {
    if (asked === undefined) return
    if (asked > newest) throw new FutureRevisionError(asked, newest)
    if (asked < this.#compacted) throw new CompactedError(asked, this.#compacted)
  }
}

function validateKey(key: string): void {
  const bytes = Buffer.byteLength(key)
  if (bytes === 0 || bytes > maxKeyBytes) throw new RangeError(`key must have 1 to ${maxKeyBytes} bytes: ${key}`)
}

function newBatch(): Batch {
  return { mutations: [], durable: Promise.withResolvers() }
}

function isAt(head: Head | undefined, revision: number): head is Head {
  return head !== undefined && !head.deleted && head.revision === revision
}
