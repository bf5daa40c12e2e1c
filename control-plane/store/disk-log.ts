// The store's file, an LMDB environment of three tables: "log" has every write by its revision, "heads" the newest
// revision of each key, "meta" the counters. Knows the layout and nothing of conflicts: who calls commit decides. LMDB
// keeps a torn write from ever being seen: a commit is one page that points to what was synced before.

import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { type Database, open, type RootDatabase, type Transaction } from 'lmdb'
import { lockDirectory } from './directory-lock.ts'
import {
  decodeHead,
  decodeRecord,
  decodeRevision,
  encodeHead,
  encodeRecord,
  encodeRevision,
  type Head,
  type WriteRecord,
} from './record.ts'
import type { Entry } from './store.ts'

type Table = Database<Uint8Array, Uint8Array>

/** A write with its place in the order of all writes. */
export interface Mutation extends WriteRecord {
  revision: number
}

/** What one step of compaction removes. */
export interface Removal {
  /** Compaction has come up to here. */
  through: number
  revisions: number[]
  /** Keys whose newest write is a deletion that is compacted. */
  keys: string[]
}

/**
 * Without overlappingSync a commit's promise waits for the disk. Writes are batched by #writeTogether alone: lmdb's own
 * batches by event turn make a promise that nobody can wait for, which ends the process when the disk is full. Read-ahead
 * would only fill memory, as reads are by key.
 */
const options = {
  overlappingSync: false,
  eventTurnBatching: false,
  noReadAhead: true,
  noMemInit: true,
  maxDbs: 4,
  cache: false,
} as const

const format = '1'
const formatKey = Buffer.from('format')
const revisionKey = Buffer.from('revision')
const compactedKey = Buffer.from('compacted')

export class DiskLog {
  readonly #lock: { release(): void }
  readonly #root: RootDatabase<Uint8Array, Uint8Array>
  readonly #log: Table
  readonly #heads: Table
  readonly #meta: Table

  /** Opens or makes the log in a directory. Throws DirectoryLockedError. */
  constructor(directory: string) {
    mkdirSync(directory, { recursive: true, mode: 0o700 })
    this.#lock = lockDirectory(directory)
    try {
      this.#root = open<Uint8Array, Uint8Array>(join(directory, 'data.mdb'), options)
      const table = (name: string) => this.#root.openDB(name, { encoding: 'binary', keyEncoding: 'binary' }) as Table
      this.#log = table('log')
      this.#heads = table('heads')
      this.#meta = table('meta')
      this.#checkFormat(directory)
    } catch (error) {
      this.#lock.release()
      throw error
    }
  }

  /** Runs reads on one state of the log. */
  read<T>(body: (transaction: Transaction) => T): T {
    const transaction = this.#root.useReadTransaction()
    try {
      return body(transaction)
    } finally {
      transaction.done()
    }
  }

  revision(transaction?: Transaction): number {
    return this.#counter(revisionKey, transaction)
  }

  compacted(): number {
    return this.#counter(compactedKey)
  }

  head(key: string, transaction?: Transaction): Head | undefined {
    const bytes = this.#heads.get(Buffer.from(key), { transaction })
    return bytes === undefined ? undefined : decodeHead(bytes)
  }

  /** Heads of keys with the prefix that come after another key, in order. */
  *headsBelow(prefix: string, after: string, transaction: Transaction): Iterable<[string, Head]> {
    const first = Buffer.from(prefix)
    const last = Buffer.from(after)
    const isFollowing = after !== '' && Buffer.compare(last, first) >= 0
    const start = isFollowing ? last : first
    // 0xff comes in no UTF-8 text, so this is after every key with the prefix.
    const end = Buffer.concat([first, Buffer.of(0xff)])
    const range = { ...(start.length > 0 && { start }), end, exclusiveStart: isFollowing, transaction }
    for (const { key, value } of this.#heads.getRange(range)) yield [Buffer.from(key).toString(), decodeHead(value)]
  }

  record(revision: number, transaction?: Transaction): WriteRecord | undefined {
    if (revision === 0) return undefined
    const bytes = this.#log.get(encodeRevision(revision), { transaction })
    return bytes === undefined ? undefined : decodeRecord(bytes)
  }

  /** What the key held at a revision that is not compacted; its head is the newest. */
  entryAt(key: string, head: Head, revision: number, transaction?: Transaction): Entry | undefined {
    let at = head.revision
    let record = this.record(at, transaction)
    while (record !== undefined && at > revision) {
      at = record.previousRevision
      record = this.record(at, transaction)
    }
    if (record?.value === undefined) return undefined
    return { key, value: record.value, revision: at, createRevision: record.createRevision }
  }

  /** Writes after a revision, oldest first. */
  *recordsAfter(revision: number, limit: number, transaction: Transaction): Iterable<Mutation> {
    const range = { start: encodeRevision(revision + 1), limit, transaction }
    for (const { key, value } of this.#log.getRange(range))
      yield { ...decodeRecord(value), revision: decodeRevision(key) }
  }

  /** Makes all of them durable, or none. */
  async commit(mutations: readonly Mutation[]): Promise<void> {
    await this.#writeTogether(() => [
      ...mutations.flatMap((mutation) => {
        const { key, value, revision, createRevision } = mutation
        const head = encodeHead({ revision, createRevision, deleted: value === undefined })
        return [
          this.#log.put(encodeRevision(revision), encodeRecord(mutation)),
          this.#heads.put(Buffer.from(key), head),
        ]
      }),
      this.#meta.put(revisionKey, encodeRevision(mutations.at(-1)?.revision ?? 0)),
    ])
  }

  async remove({ through, revisions, keys }: Removal): Promise<void> {
    await this.#writeTogether(() => [
      ...revisions.map((revision) => this.#log.remove(encodeRevision(revision))),
      ...keys.map((key) => this.#heads.remove(Buffer.from(key))),
      this.#meta.put(compactedKey, encodeRevision(through)),
    ])
  }

  /** Every write's promise has to be waited for: when a commit fails, each of them rejects. */
  async #writeTogether(write: () => Promise<boolean>[]): Promise<void> {
    const writes: Promise<boolean>[] = []
    const batch = this.#root.batch(() => writes.push(...write()))
    const results = await Promise.allSettled([batch, ...writes])
    const failed = results.find((result) => result.status === 'rejected')
    if (failed !== undefined) throw await toReason(failed.reason)
    this.#root.resetReadTxn()
  }

  async close(): Promise<void> {
    await this.#root.close()
    this.#lock.release()
  }

  /** Counters start at 1: Kubernetes gives 0 a meaning of its own. */
  #counter(name: Buffer, transaction?: Transaction): number {
    const bytes = this.#meta.get(name, { transaction })
    return bytes === undefined ? 1 : decodeRevision(bytes)
  }

  #checkFormat(directory: string): void {
    const found = this.#meta.get(formatKey)
    if (found === undefined) this.#meta.putSync(formatKey, Buffer.from(format))
    else if (Buffer.from(found).toString() !== format)
      throw new Error(`the store in ${directory} has format ${Buffer.from(found)}; this version reads ${format}`)
  }
}

/** A failed commit rejects with an error that holds a promise, which rejects with the reason when it is known. */
async function toReason(error: unknown): Promise<unknown> {
  if (!(error instanceof Error) || !('commitError' in error)) return error
  return await Promise.resolve(error.commitError).catch((reason: unknown) => reason)
}
