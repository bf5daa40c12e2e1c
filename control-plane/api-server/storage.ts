// Objects in the store: one key each, JSON without the resourceVersion, which is the revision of the last write.

import { isDeepStrictEqual } from 'node:util'
import type { ApiObject, ObjectName, Stored } from '../../api/objects/object.ts'
import { toKey } from '../../api/objects/object.ts'
import { alreadyExists, conflict, notFound, StatusError } from '../../api/objects/status-error.ts'
import type { Resource } from '../../api/resources/resource.ts'
import { type Entry, KeyExistsError, RevisionMismatchError, type Store } from '../store/store.ts'
import type { CacheFeed } from './cache-feed.ts'
import { prefixOf } from './cache-feed.ts'
import { CachedObject } from './cached-object.ts'

/** Bigger objects are refused; etcd's limit for a request. */
const objectLimitBytes = 1.5 * 1024 * 1024

/** What a guaranteed update shall do with the object that is there: write another, write nothing, or delete it. */
export type Change = { write: ApiObject } | { delete: true }

/** Makes the change from the newest state; called again when somebody was faster. May throw to refuse. */
export type Decide = (current: Stored<ApiObject>) => Change | Promise<Change>

export interface UpdateResult {
  object: Stored<ApiObject>
  deleted: boolean
}

export class Storage {
  readonly #store: Store
  readonly #feed: CacheFeed

  constructor(store: Store, feed: CacheFeed) {
    this.#store = store
    this.#feed = feed
  }

  /** The newest state, from the cache. Throws notFound. */
  async get(resource: Resource, name: ObjectName): Promise<CachedObject> {
    await this.#feed.reachNow()
    const found = this.#feed.cacheOf(resource).get(toKey(name))
    if (found === undefined) throw notFound(resource, name.name)
    return found
  }

  /** Throws alreadyExists. */
  async create(resource: Resource, object: ApiObject): Promise<Stored<ApiObject>> {
    const name = object.metadata?.name ?? ''
    try {
      const entry = await this.#store.create(keyOf(resource, object), serialize(object))
      return await this.#finish(resource, entry)
    } catch (error) {
      if (error instanceof KeyExistsError) throw alreadyExists(resource, name)
      throw error
    }
  }

  /**
   * Applies a change to the newest state. When somebody else writes meanwhile, decide is asked again. A change that
   * changes nothing writes nothing. With dryRun nothing is written at all. Throws notFound, and whatever decide throws.
   */
  async update(resource: Resource, name: ObjectName, decide: Decide, dryRun = false): Promise<UpdateResult> {
    let current: CachedObject | undefined = await this.get(resource, name)
    const key = prefixOf(resource) + toKey(name)
    for (;;) {
      const before: CachedObject = current
      const change = await decide(structuredClone(before.object))
      try {
        return await this.#commit(resource, key, before, change, dryRun)
      } catch (error) {
        if (!(error instanceof RevisionMismatchError)) throw error
        if (error.current === undefined) throw notFound(resource, name.name)
        current = CachedObject.parse(toKey(name), error.current.value, error.current.revision)
      }
    }
  }

  async #commit(
    resource: Resource,
    key: string,
    before: CachedObject,
    change: Change,
    dryRun: boolean,
  ): Promise<UpdateResult> {
    if ('delete' in change) {
      if (dryRun) return { object: before.object, deleted: true }
      const entry = await this.#store.delete(key, before.revision)
      return { object: await this.#finish(resource, entry), deleted: true }
    }
    const text = serialize(change.write)
    const after = CachedObject.parse(before.key, text, before.revision).object
    if (isDeepStrictEqual(after, before.object)) return { object: before.object, deleted: false }
    if (dryRun) return { object: after, deleted: false }
    const entry = await this.#store.update(key, text, before.revision)
    return { object: await this.#finish(resource, entry), deleted: false }
  }

  /** The object as written. Waits for the cache, so that the writer reads its own write, and reads it parsed once. */
  async #finish(resource: Resource, { key, value, revision }: Entry): Promise<Stored<ApiObject>> {
    await this.#feed.reach(revision)
    const name = key.slice(prefixOf(resource).length)
    const cached = this.#feed.cacheOf(resource).get(name)
    return cached?.revision === revision ? cached.object : CachedObject.parse(name, value, revision).object
  }
}

function keyOf(resource: Resource, object: ApiObject): string {
  return prefixOf(resource) + toKey(object)
}

/** JSON for the store. Throws 413 for an object that is too big. */
function serialize(object: ApiObject): string {
  const text = JSON.stringify({ ...object, metadata: { ...object.metadata, resourceVersion: undefined } })
  if (text.length > objectLimitBytes || Buffer.byteLength(text) > objectLimitBytes) {
    throw new StatusError(
      413,
      'RequestEntityTooLarge',
      `Request entity too large: the object has more than ${objectLimitBytes} bytes`,
    )
  }
  return text
}

/** Throws a conflict unless the client's resourceVersion, if it gave one, and uid are those of the object. */
export function checkPreconditions(
  resource: Resource,
  { metadata }: Stored<ApiObject>,
  { uid, resourceVersion }: { uid?: string; resourceVersion?: string },
): void {
  if (uid !== undefined && uid !== '' && uid !== metadata.uid) {
    throw conflict(
      resource,
      metadata.name,
      `Precondition failed: UID in precondition: ${uid}, UID in object meta: ${metadata.uid}`,
    )
  }
  if (resourceVersion !== undefined && resourceVersion !== '' && resourceVersion !== metadata.resourceVersion) {
    throw conflict(resource, metadata.name)
  }
}
