import type { ApiObject, Stored } from '../../api/objects/object.ts'
import type { WatchCache } from './watch-cache.ts'

/** Something that is worked out from all objects of a kind and is kept true by their changes. */
export interface CacheFollower<T extends ApiObject> {
  /** Forget what is known; these are all objects there are. */
  reset(objects: Iterable<Stored<T>>): void
  /** One object came (no old), changed, or went (no now). */
  change(old: Stored<T> | undefined, now: Stored<T> | undefined): void
}

/** Tells the follower of what is in the cache now, and then of each change, before anybody who waits for it goes on. */
export function followCache<T extends ApiObject>(cache: WatchCache, follower: CacheFollower<T>): void {
  // The caller names the kind that the cache is of.
  const toKind = (object: Stored<ApiObject>) => object as Stored<T>
  const reset = () => follower.reset([...cache.values()].map(({ object }) => toKind(object)))
  let next = cache.nextSequence
  reset()
  cache.subscribe(() => {
    const events = cache.eventsFrom(next)
    next = cache.nextSequence
    if (events === undefined) return reset()
    for (const { old, object } of events) follower.change(old && toKind(old.object), object && toKind(object.object))
  })
}
