// All objects of one kind as of the feed's revision, and the newest events. Watchers have a cursor and no queue: a slow
// one is behind, costs nothing, holds up nobody, and is told to list again once the ring has gone past it.

import { CachedObject } from './cached-object.ts'

/** One change. Sequence numbers count the events of this cache without gaps. */
export interface CacheEvent {
  revision: number
  object: CachedObject | undefined
  old: CachedObject | undefined
  /** JSON lines by event type, each made once for all watchers. */
  lines: Map<string, string>
}

export class WatchCache {
  readonly prefix: string
  readonly #objects = new Map<string, CachedObject>()
  readonly #namespaces = new Map<string, Set<string>>()
  readonly #subscribers = new Set<() => void>()
  readonly #ringLimit: number
  /** Keys in order; undefined after keys came or went. */
  #sorted: string[] | undefined
  #ring: CacheEvent[] = []
  /** Sequence number of the first event in the ring. */
  #firstSequence = 0
  /** The ring has every event after this revision. */
  #completeAfter = 0

  constructor(prefix: string, ringLimit = 2048) {
    this.prefix = prefix
    this.#ringLimit = ringLimit
  }

  /** Sequence number of the next event: where a watcher starts that wants only what comes. */
  get nextSequence(): number {
    return this.#firstSequence + this.#ring.length
  }

  get(key: string): CachedObject | undefined {
    return this.#objects.get(key)
  }

  /** In no order, as of now. */
  values(): Iterable<CachedObject> {
    return this.#objects.values()
  }

  /** In order of keys. */
  list(namespace = ''): CachedObject[] {
    const keys = namespace === '' ? this.#sortedKeys() : [...(this.#namespaces.get(namespace) ?? [])].sort(compareKeys)
    return keys.flatMap((key) => this.#objects.get(key) ?? [])
  }

  /** Fills the cache for the first time. */
  load(objects: readonly CachedObject[], revision: number): void {
    for (const object of objects) this.#set(object.key, object)
    this.#completeAfter = revision
  }

  /** Takes one change of the store. */
  put(key: string, value: string, revision: number): void {
    const old = this.#objects.get(key)
    const object = CachedObject.parse(key, value, revision)
    this.#set(key, object)
    this.#publish({ revision, object, old, lines: new Map() })
  }

  remove(key: string, revision: number): void {
    const old = this.#objects.get(key)
    if (old === undefined) return
    this.#objects.delete(key)
    this.#sorted = undefined
    const namespace = namespaceOf(key)
    const keys = this.#namespaces.get(namespace)
    keys?.delete(key)
    if (keys?.size === 0) this.#namespaces.delete(namespace)
    this.#publish({ revision, object: undefined, old, lines: new Map() })
  }

  /** Where a watch from this revision starts, or undefined when the ring does not reach back so far. */
  sequenceAfter(revision: number): number | undefined {
    if (revision < this.#completeAfter) return undefined
    let low = 0
    let high = this.#ring.length
    while (low < high) {
      const middle = (low + high) >> 1
      if ((this.#ring[middle]?.revision ?? 0) <= revision) low = middle + 1
      else high = middle
    }
    return this.#firstSequence + low
  }

  /** Events from a sequence number on, or undefined when some of them are forgotten. */
  eventsFrom(sequence: number): readonly CacheEvent[] | undefined {
    return sequence < this.#firstSequence ? undefined : this.#ring.slice(sequence - this.#firstSequence)
  }

  /** Calls back after each change, until the returned function is called. */
  subscribe(onChange: () => void): () => void {
    this.#subscribers.add(onChange)
    return () => this.#subscribers.delete(onChange)
  }

  /** Forgets all events, so that every watcher lists again. */
  reset(objects: readonly CachedObject[], revision: number): void {
    this.#firstSequence = this.nextSequence + 1
    this.#ring = []
    this.#objects.clear()
    this.#namespaces.clear()
    this.load(objects, revision)
    this.#tell()
  }

  #set(key: string, object: CachedObject): void {
    if (!this.#objects.has(key)) {
      this.#sorted = undefined
      const namespace = namespaceOf(key)
      const keys = this.#namespaces.get(namespace) ?? new Set()
      this.#namespaces.set(namespace, keys.add(key))
    }
    this.#objects.set(key, object)
  }

  #publish(event: CacheEvent): void {
    this.#ring.push(event)
    // Trimmed in halves: moving the rest of the array costs little per event.
    if (this.#ring.length > 2 * this.#ringLimit) {
      const dropped = this.#ring.splice(0, this.#ring.length - this.#ringLimit)
      this.#firstSequence += dropped.length
      this.#completeAfter = dropped.at(-1)?.revision ?? this.#completeAfter
    }
    this.#tell()
  }

  #tell(): void {
    for (const onChange of this.#subscribers) onChange()
  }

  #sortedKeys(): string[] {
    this.#sorted ??= [...this.#objects.keys()].sort(compareKeys)
    return this.#sorted
  }
}

/** Keys are ASCII (names are DNS names or path segments), so code units order them as the store's bytes do. */
const compareKeys = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0)
const namespaceOf = (key: string) => key.slice(0, Math.max(0, key.indexOf('/')))
