// Keeps the caches of all kinds true: one list of the store at the start, then one watch, whose events go to the cache
// of their kind. As one watch serves all kinds, they share a revision, and a list of any kind can be given the newest.

import { setTimeout as sleep } from 'node:timers/promises'
import type { Resource } from '../../api/resources/resource.ts'
import { CompactedError, type Entry, type Store, type StoreEvent } from '../store/store.ts'
import { CachedObject } from './cached-object.ts'
import type { Log } from './log.ts'
import { serverTimeout } from './refusals.ts'
import { WatchCache } from './watch-cache.ts'

const root = '/registry/'
const reachLimitMs = 3_000
const pageSize = 1_000

export class CacheFeed {
  readonly #store: Store
  readonly #log: Log
  readonly #caches = new Map<string, WatchCache>()
  readonly #started = Promise.withResolvers<void>()
  /** Who waits for a revision. */
  readonly #waiting = new Set<{ revision: number; resolve: () => void }>()
  #revision = 0

  constructor(store: Store, resources: readonly Resource[], log: Log) {
    this.#store = store
    this.#log = log
    for (const resource of resources) {
      const prefix = prefixOf(resource)
      this.#caches.set(prefix, new WatchCache(prefix))
    }
  }

  /** Resolves when the caches are filled. */
  get started(): Promise<void> {
    return this.#started.promise
  }

  /** Every change up to this one is in the caches. */
  get revision(): number {
    return this.#revision
  }

  cacheOf(resource: Resource): WatchCache {
    const cache = this.#caches.get(prefixOf(resource))
    if (cache === undefined) throw new Error(`no cache of ${resource.plural}`)
    return cache
  }

  /** Resolves when the caches hold all that was written before this call. */
  async reachNow(): Promise<void> {
    await this.reach(await this.#store.revision())
  }

  /** Resolves when the caches have come to this revision; throws a 504 when that does not happen soon. */
  async reach(revision: number): Promise<void> {
    if (revision <= this.#revision) return
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const waiter = { revision, resolve }
    this.#waiting.add(waiter)
    const timer = setTimeout(() => {
      this.#waiting.delete(waiter)
      reject(serverTimeout(`Too large resource version: ${revision}, current: ${this.#revision}`))
    }, reachLimitMs)
    await promise.finally(() => clearTimeout(timer))
  }

  /** Follows the store until the signal aborts. Trouble with the store is logged, and tried again. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        if (this.#revision === 0) await this.#fill()
        await this.#follow(signal)
      } catch (error) {
        if (signal.aborted) return
        if (error instanceof CompactedError) this.#revision = 0
        else this.#log.error(`cannot follow the store, trying again: ${String(error)}`)
      }
      await sleep(signal.aborted ? 0 : 100, undefined, { ref: false })
    }
  }

  async #fill(): Promise<void> {
    const { entries, revision } = await this.#readAll()
    const objects = new Map([...this.#caches.values()].map((cache) => [cache, [] as CachedObject[]]))
    for (const { key, value, revision: written } of entries) {
      const target = this.#find(key)
      if (target !== undefined) objects.get(target.cache)?.push(CachedObject.parse(target.name, value, written))
    }
    for (const [cache, list] of objects) cache.reset(list, revision)
    this.#advance(revision)
    this.#started.resolve()
  }

  /** In pages, all as of one revision. */
  async #readAll(): Promise<{ entries: Entry[]; revision: number }> {
    const first = await this.#store.list(root, { limit: pageSize })
    const entries = [...first.entries]
    for (let { remaining } = first; remaining > 0; ) {
      const after = entries.at(-1)?.key
      const page = await this.#store.list(root, { limit: pageSize, revision: first.revision, after })
      entries.push(...page.entries)
      remaining = page.remaining
    }
    return { entries, revision: first.revision }
  }

  async #follow(signal: AbortSignal): Promise<void> {
    for await (const events of this.#store.watch(root, this.#revision, signal)) {
      for (const event of events) this.#apply(event)
      const last = events.at(-1)
      if (last !== undefined) this.#advance(last.type === 'put' ? last.entry.revision : last.revision)
    }
  }

  #apply(event: StoreEvent): void {
    const target = this.#find(event.type === 'put' ? event.entry.key : event.key)
    if (target === undefined) return
    if (event.type === 'put') target.cache.put(target.name, event.entry.value, event.entry.revision)
    else target.cache.remove(target.name, event.revision)
  }

  #advance(revision: number): void {
    this.#revision = revision
    for (const waiter of this.#waiting) {
      if (waiter.revision > revision) continue
      this.#waiting.delete(waiter)
      waiter.resolve()
    }
  }

  /** The storage path is one segment, or two below "services". */
  #find(key: string): { cache: WatchCache; name: string } | undefined {
    for (let slash = key.indexOf('/', root.length); slash !== -1; slash = key.indexOf('/', slash + 1)) {
      const cache = this.#caches.get(key.slice(0, slash + 1))
      if (cache !== undefined) return { cache, name: key.slice(slash + 1) }
    }
    return undefined
  }
}

/** Where a kind's objects are in the store. */
export function prefixOf(resource: Pick<Resource, 'storagePath'>): string {
  return `${root}${resource.storagePath}/`
}
