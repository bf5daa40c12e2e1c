// Versioned keys and values, with etcd's semantics: one revision counter for the whole store, which every write raises by
// one; reads at a revision; watches from a revision; compaction. Values are opaque here. Every implementation passes
// store.cases.ts.

export interface Entry {
  key: string
  value: string
  /** Revision of the last write. */
  revision: number
  /** Revision at which the key came to be. */
  createRevision: number
}

export interface ListQuery {
  /** Only keys that come after this one: where the last page ended. */
  after?: string
  limit?: number
  /** As of this revision; absent: now. Throws CompactedError when it is too old, FutureRevisionError when it has not come. */
  revision?: number
}

export interface EntryList {
  /** In order of keys (by UTF-8 bytes). */
  entries: Entry[]
  /** The revision that the list is true for. */
  revision: number
  /** How many more keys follow this page. */
  remaining: number
}

/** old is what the key held before; absent for a created key. */
export type StoreEvent =
  | { type: 'put'; entry: Entry; old?: Entry }
  | { type: 'delete'; key: string; revision: number; old: Entry }

/**
 * Writes resolve only when they are durable: a crash right after loses nothing. Several writes may be under way at once
 * and share one sync. A write is seen by reads and watches before or when it resolves, never in part.
 */
export interface Store {
  /** The newest revision; 1 in a store that was never written to. Never goes back, whatever crashed. */
  revision(): Promise<number>
  /** As of a revision if one is given; throws like list. */
  get(key: string, options?: { revision?: number }): Promise<Entry | undefined>
  list(prefix: string, query?: ListQuery): Promise<EntryList>
  /** Throws KeyExistsError. */
  create(key: string, value: string): Promise<Entry>
  /** Throws RevisionMismatchError unless the key's last write was at this revision. */
  update(key: string, value: string, expectedRevision: number): Promise<Entry>
  /** Returns the deleted entry's last content, with the revision of the deletion. Throws RevisionMismatchError likewise. */
  delete(key: string, expectedRevision: number): Promise<Entry>
  /**
   * Every change below the prefix after fromRevision, in order, none twice, none left out, in batches as they come. Throws
   * CompactedError when history no longer reaches back so far. Ends when the signal aborts. A reader that is slow holds
   * up nobody else.
   */
  watch(prefix: string, fromRevision: number, signal: AbortSignal): AsyncIterable<StoreEvent[]>
  /** Forgets history up to and including this revision: reads and watches further back throw CompactedError. */
  compact(revision: number): Promise<void>
  close(): Promise<void>
}

/** The key is taken. */
export class KeyExistsError extends Error {
  readonly code = 'KEY_EXISTS'

  constructor(key: string) {
    super(`key ${key} exists`)
  }
}

/** Somebody was faster, or the key is gone. */
export class RevisionMismatchError extends Error {
  readonly code = 'REVISION_MISMATCH'
  /** What the key holds now; undefined when it is gone. */
  readonly current: Entry | undefined

  constructor(key: string, expectedRevision: number, current: Entry | undefined) {
    super(
      `key ${key} is ${current === undefined ? 'gone' : `at revision ${current.revision}`}, not at ${expectedRevision}`,
    )
    this.current = current
  }
}

/** The revision is older than what compaction left. */
export class CompactedError extends Error {
  readonly code = 'COMPACTED'
  /** The oldest revision that can still be asked for. */
  readonly oldestRevision: number

  constructor(asked: number, oldestRevision: number) {
    super(`revision ${asked} is compacted; the oldest left is ${oldestRevision}`)
    this.oldestRevision = oldestRevision
  }
}

/** The revision has not come yet: it is from another store, or made up. */
export class FutureRevisionError extends Error {
  readonly code = 'FUTURE_REVISION'
  readonly newestRevision: number

  constructor(asked: number, newestRevision: number) {
    super(`revision ${asked} has not come yet; the newest is ${newestRevision}`)
    this.newestRevision = newestRevision
  }
}
