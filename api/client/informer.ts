// Keeps a local copy of a selection of objects: one list, then a watch that goes on from it, for ever. Handlers are told
// of changes after the copy has them. After a lost connection the watch resumes; only a 410 costs a new list, and then
// handlers hear of the differences alone. Objects are shared: nobody may change them.

import type { ApiObject, Stored } from '../objects/object.ts'
import { toKey } from '../objects/object.ts'
import { isGone } from '../objects/status-error.ts'
import type { ResourceType } from '../resources/resource.ts'
import { aborted } from './aborted.ts'
import { pause } from './alarm.ts'
import type { Client, Selection } from './client.ts'

/** old is absent for an object that is new to the copy, object for one that went. */
export interface Change<T extends ApiObject> {
  old?: Stored<T>
  object?: Stored<T>
}

export type Handler<T extends ApiObject> = (change: Change<T>) => void

/** Values under which an object is found by byIndex. */
export type IndexFunction<T extends ApiObject> = (object: Stored<T>) => string[]

export interface InformerOptions<T extends ApiObject> extends Selection {
  indexes?: Record<string, IndexFunction<T>>
  /** Cuts an object down to what its readers need, before it is kept. metadata's name, namespace and resourceVersion must stay. */
  trim?: (object: Stored<T>) => Stored<T>
  /** Told when the server cannot be reached; the informer tries again by itself. */
  onError?: (error: unknown) => void
}

/** The reading half of an informer: what reconcilers need. */
export interface Lister<T extends ApiObject> {
  get(key: string): Stored<T> | undefined
  list(): Stored<T>[]
  byIndex(index: string, value: string): Stored<T>[]
}

const minDelayMs = 100
const maxDelayMs = 5_000

class HandlerError extends Error {}

/** Informers of the same selection are independent: share one where memory matters. */
export class Informer<T extends ApiObject> implements Lister<T> {
  readonly #client: Client
  readonly #resource: ResourceType<T>
  readonly #options: InformerOptions<T>
  readonly #objects = new Map<string, Stored<T>>()
  /** index name -> value -> keys */
  readonly #indexes = new Map<string, Map<string, Set<string>>>()
  readonly #handlers: Handler<T>[] = []
  readonly #synced = Promise.withResolvers<void>()
  #resourceVersion: string | undefined
  /** How long to wait after the next failure; grows until the server is heard again. */
  #delayMs = minDelayMs

  constructor(client: Client, resource: ResourceType<T>, options: InformerOptions<T> = {}) {
    this.#client = client
    this.#resource = resource
    this.#options = options
    for (const name of Object.keys(options.indexes ?? {})) this.#indexes.set(name, new Map())
  }

  /** Resolves when the first list is in the copy and the handlers have heard of it. */
  get synced(): Promise<void> {
    return this.#synced.promise
  }

  get(key: string): Stored<T> | undefined {
    return this.#objects.get(key)
  }

  list(): Stored<T>[] {
    return [...this.#objects.values()]
  }

  byIndex(index: string, value: string): Stored<T>[] {
    const keys = this.#indexes.get(index)?.get(value) ?? []
    return [...keys].flatMap((key) => this.#objects.get(key) ?? [])
  }

  /** Must be called before run. A handler that throws ends run with its error, as it would see later changes without this one. */
  onChange(handler: Handler<T>): void {
    this.#handlers.push(handler)
  }

  /** Follows the cluster until the signal aborts; rejects only when a handler throws. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const startedMs = performance.now()
      try {
        await this.#list(signal)
        await this.#watch(signal)
      } catch (error) {
        if (error instanceof HandlerError) throw error.cause
        if (signal.aborted) return
        if (isGone(error)) this.#resourceVersion = undefined
        else this.#options.onError?.(error)
        if (!isGone(error)) {
          await pause(this.#delayMs, signal)
          this.#delayMs = Math.min(this.#delayMs * 2, maxDelayMs)
        }
      }
      // A server that ends every watch at once must not be asked without end.
      if (performance.now() - startedMs < minDelayMs) await pause(minDelayMs, signal)
    }
  }

  async #list(signal: AbortSignal): Promise<void> {
    if (this.#resourceVersion !== undefined) return
    const { namespace, labelSelector, fieldSelector } = this.#options
    const { items, resourceVersion } = await this.#client.list(this.#resource, {
      namespace,
      labelSelector,
      fieldSelector,
      signal,
    })
    const gone = new Set(this.#objects.keys())
    for (const object of items) {
      gone.delete(toKey(object))
      this.#set(object)
    }
    for (const key of gone) this.#remove(key)
    this.#resourceVersion = resourceVersion
    this.#delayMs = minDelayMs
    this.#synced.resolve()
  }

  async #watch(signal: AbortSignal): Promise<void> {
    const { namespace, labelSelector, fieldSelector } = this.#options
    for await (const { type, object } of this.#client.watch(this.#resource, {
      namespace,
      labelSelector,
      fieldSelector,
      resourceVersion: this.#resourceVersion,
      signal,
    })) {
      if (type === 'DELETED') this.#remove(toKey(object))
      else if (type !== 'BOOKMARK') this.#set(object)
      this.#resourceVersion = object.metadata.resourceVersion
      this.#delayMs = minDelayMs
    }
  }

  #set(object: Stored<T>): void {
    const key = toKey(object)
    const old = this.#objects.get(key)
    if (old?.metadata.resourceVersion === object.metadata.resourceVersion) return
    const kept = this.#options.trim?.(object) ?? object
    this.#index(key, old, kept)
    this.#objects.set(key, kept)
    this.#tell({ old, object: kept })
  }

  #remove(key: string): void {
    const old = this.#objects.get(key)
    if (old === undefined) return
    this.#index(key, old, undefined)
    this.#objects.delete(key)
    this.#tell({ old })
  }

  #tell(change: Change<T>): void {
    try {
      for (const handler of this.#handlers) handler(change)
    } catch (error) {
      throw new HandlerError('a handler threw', { cause: error })
    }
  }

  #index(key: string, old: Stored<T> | undefined, object: Stored<T> | undefined): void {
    for (const [name, valuesOf] of Object.entries(this.#options.indexes ?? {})) {
      const index = this.#indexes.get(name)
      for (const value of old === undefined ? [] : valuesOf(old)) {
        const keys = index?.get(value)
        keys?.delete(key)
        if (keys?.size === 0) index?.delete(value)
      }
      for (const value of object === undefined ? [] : valuesOf(object)) {
        const keys = index?.get(value) ?? new Set()
        index?.set(value, keys.add(key))
      }
    }
  }
}

/** Resolves when the first lists of all are there, or when the signal aborts: then they may not be. */
export async function whenSynced(informers: readonly { synced: Promise<void> }[], signal?: AbortSignal): Promise<void> {
  await Promise.race([Promise.all(informers.map(({ synced }) => synced)), aborted(signal)])
}
