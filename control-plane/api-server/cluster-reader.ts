import type { ApiObject, ObjectName, Stored } from '../../api/objects/object.ts'
import { toKey } from '../../api/objects/object.ts'
import type { Resource } from '../../api/resources/resource.ts'
import type { ClusterReader } from './admission/admission.ts'
import type { CacheFeed } from './cache-feed.ts'

/** The newest state of objects, from the caches. */
export function readCluster(feed: CacheFeed): ClusterReader {
  const find = async (resource: Resource, name: ObjectName) => {
    await feed.reachNow()
    return feed.cacheOf(resource).get(toKey(name))?.object
  }
  const waitFor = async (resource: Resource, name: ObjectName, waitMs: number) =>
    (await find(resource, name)) ?? (await arrival(feed, resource, name, waitMs))
  return { find, waitFor }
}

async function arrival(
  feed: CacheFeed,
  resource: Resource,
  name: ObjectName,
  waitMs: number,
): Promise<Stored<ApiObject> | undefined> {
  const cache = feed.cacheOf(resource)
  const { promise, resolve } = Promise.withResolvers<Stored<ApiObject> | undefined>()
  const look = () => {
    const found = cache.get(toKey(name))
    if (found !== undefined) resolve(found.object)
  }
  const stop = cache.subscribe(look)
  const timer = setTimeout(() => resolve(undefined), waitMs)
  look() // what came between the first look and the subscription
  return await promise.finally(() => {
    clearTimeout(timer)
    stop()
  })
}
