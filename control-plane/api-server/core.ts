// The API server's core: Request -> Response. It looks up what a path is about, and hands the request to the verb. One
// catch turns errors into Status answers. It knows no sockets, and whether a user may do this was decided before.

import { toKey } from '../../api/objects/object.ts'
import { noSuchPath } from '../../api/objects/status-error.ts'
import type { Resource } from '../../api/resources/resource.ts'
import { services } from '../../api/resources/services.ts'
import type { Store } from '../store/store.ts'
import { AddressRange } from './address-range.ts'
import type { ClusterReader } from './admission/admission.ts'
import { CacheFeed } from './cache-feed.ts'
import { Catalog } from './catalog.ts'
import { answerDiscovery } from './discovery.ts'
import { respondError, toStatusError } from './errors.ts'
import type { ApiRequest, ApiResponse, RequestHandler } from './exchange.ts'
import { KubernetesService } from './kubernetes-service.ts'
import type { Log } from './log.ts'
import { answerOpenApi } from './openapi.ts'
import { ResourceHandler } from './resource-handler.ts'
import { parseRoute } from './route.ts'
import { type PortRange, ServiceAllocator } from './service-allocator.ts'
import { Storage } from './storage.ts'

export interface ApiServerOptions {
  store: Store
  resources: readonly Resource[]
  /** Such as "10.96.0.0/16". */
  serviceCidr: string
  nodePortRange: PortRange
  /** Where clients in the cluster reach this server: the endpoint of default/kubernetes. */
  advertise: { address: string; port: number }
  log: Log
  /** How often a watch hears of the newest revision when nothing happens. */
  bookmarkMs?: number
}

export interface ApiServer {
  handler: RequestHandler
  /** Follows the store and keeps the cluster's first objects, until the signal aborts. Requests wait for the first list. */
  run(signal: AbortSignal): Promise<void>
  /** Resolves when requests can be answered. */
  ready: Promise<void>
}

/** Builds the parts and joins them. */
export function createApiServer(options: ApiServerOptions): ApiServer {
  const { store, resources, log } = options
  const catalog = new Catalog(resources)
  const feed = new CacheFeed(store, resources, log)
  const storage = new Storage(store, feed)
  const addresses = new AddressRange(options.serviceCidr)
  const cluster = clusterReader(feed)
  const allocator = new ServiceAllocator(feed.cacheOf(services), addresses, options.nodePortRange)
  const context = { storage, cluster, services: allocator }
  const resourceHandler = new ResourceHandler({ store, feed, context, bookmarkMs: options.bookmarkMs ?? 60_000 })
  const kubernetes = new KubernetesService(context, addresses.first, options.advertise, log)
  const handler = { handle: (request: ApiRequest) => answer(request, { feed, catalog, log, resourceHandler }) }
  const ready = feed.started.then(() => kubernetes.ready)
  const run = async (signal: AbortSignal) => {
    await Promise.all([feed.run(signal), feed.started.then(() => kubernetes.run(signal))])
  }
  return { handler, run, ready }
}

interface Parts {
  feed: CacheFeed
  catalog: Catalog
  log: Log
  resourceHandler: ResourceHandler
}

async function answer(request: ApiRequest, { feed, catalog, log, resourceHandler }: Parts): Promise<ApiResponse> {
  try {
    const route = parseRoute(request.method, request.url, catalog)
    if (route === undefined) {
      return answerDiscovery(request, catalog) ?? (await answerOpenApi(request, catalog)) ?? noSuchRoute(request)
    }
    await feed.started
    return await resourceHandler.handle(request, route)
  } catch (error) {
    return respondError(toStatusError(error, log))
  }
}

function noSuchRoute({ url, method }: ApiRequest): ApiResponse {
  const isHealth = ['/healthz', '/livez', '/readyz'].includes(url.pathname) && method === 'GET'
  if (isHealth) return { status: 200, headers: { 'content-type': 'text/plain' }, body: 'ok' }
  throw noSuchPath()
}

function clusterReader(feed: CacheFeed): ClusterReader {
  return {
    async find(resource, name) {
      await feed.reachNow()
      return feed.cacheOf(resource).get(toKey(name))?.object
    },
  }
}
