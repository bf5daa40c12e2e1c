// The API server's core: Request -> Response. It looks up what a path is about, and hands the request to the verb. One
// catch turns errors into Status answers. It knows no sockets, and whether a user may do this was decided before.

import { aborted } from '../../api/client/aborted.ts'
import type { PortRange } from '../../api/flags/values.ts'
import { httpsUrl } from '../../api/objects/addresses.ts'
import { noSuchPath } from '../../api/objects/status-error.ts'
import type { Resource } from '../../api/resources/resource.ts'
import { reviews } from '../../api/resources/reviews.ts'
import { services } from '../../api/resources/services.ts'
import type { Store } from '../store/store.ts'
import { makeAdmissionRules } from './admission/admission.ts'
import { guardCertificates } from './admission/certificate-guard.ts'
import { certificateRequester } from './admission/certificate-requester.ts'
import { type Authorizer, AuthorizerChain } from './authorization/authorizer.ts'
import { ensureDefaultAccess } from './authorization/default-access.ts'
import { preventEscalation } from './authorization/escalation.ts'
import { NodeAuthorizer } from './authorization/node-authorizer.ts'
import { OwnRequestAuthorizer } from './authorization/own-request-authorizer.ts'
import { RbacAuthorizer } from './authorization/rbac-authorizer.ts'
import { CacheFeed } from './cache-feed.ts'
import { Catalog } from './catalog.ts'
import { readCluster } from './cluster-reader.ts'
import { answerDiscovery } from './discovery.ts'
import { respondError, toStatusError } from './errors.ts'
import type { ApiRequest, ApiResponse, RequestHandler, User } from './exchange.ts'
import { KubernetesService } from './kubernetes-service.ts'
import type { Log } from './log.ts'
import { answerOpenApi } from './openapi.ts'
import { ResourceHandler } from './resource-handler.ts'
import { ReviewHandler } from './reviews/review-handler.ts'
import { parseRoute } from './route.ts'
import { ServiceAllocator } from './service-allocator.ts'
import { ServiceRange } from './service-range.ts'
import { Storage } from './storage.ts'
import { BearerTokens } from './tokens/bearer-tokens.ts'
import { answerIssuerDiscovery } from './tokens/issuer-discovery.ts'
import { TokenAuthenticator } from './tokens/token-authenticator.ts'
import { TokenSigner } from './tokens/token-signer.ts'

export interface ApiServerOptions {
  store: Store
  resources: readonly Resource[]
  /** One range per address family, such as ["10.96.0.0/16", "fd00:10:96::/112"]; the first is the default family. */
  serviceCidrs: readonly string[]
  nodePortRange: PortRange
  /** Where clients in the cluster reach this server: the endpoint of default/kubernetes. */
  advertise: { address: string; port: number }
  /** PEM of the EC P-256 key that signs service account tokens. */
  tokenKey: string
  /** Names of admission rules that are not in force. */
  leftOutAdmission?: readonly string[]
  log: Log
  /** How often a watch hears of the newest revision when nothing happens. */
  bookmarkMs?: number
}

export interface ApiServer {
  handler: RequestHandler
  /** Who holds this bearer token; undefined if it is none of ours or holds no longer. Waits for the first list. */
  authenticateToken(token: string): Promise<User | undefined>
  /** Who may do what. The handler does not ask it: its callers do, or are trusted. */
  authorizer: Authorizer
  /** Resolves when the authorizer knows the cluster. */
  known: Promise<void>
  /** Follows the store and keeps the cluster's first objects, until the signal aborts. Requests wait for the first list. */
  run(signal: AbortSignal): Promise<void>
  /** Resolves when requests can be answered. */
  ready: Promise<void>
}

/** Builds the parts and joins them. */
export function createApiServer(options: ApiServerOptions): ApiServer {
  const { store, resources, log } = options
  const catalog = new Catalog([...resources, ...reviews])
  const feed = new CacheFeed(store, resources, log)
  const storage = new Storage(store, feed)
  const addresses = options.serviceCidrs.map((cidr) => new ServiceRange(cidr))
  const [primary] = addresses
  if (primary === undefined) throw new Error('serviceCidrs: at least one range is needed')
  const cluster = readCluster(feed)
  const allocator = new ServiceAllocator(feed.cacheOf(services), addresses, options.nodePortRange)
  const signer = new TokenSigner({ key: options.tokenKey, issuer: tokenIssuer })
  const tokens = new BearerTokens(new TokenAuthenticator(signer, cluster), signer.issuer, cluster)
  const rbac = new RbacAuthorizer(feed)
  const authorizer = new AuthorizerChain([new NodeAuthorizer(feed), rbac, new OwnRequestAuthorizer(feed)])
  const rules = makeAdmissionRules(options.leftOutAdmission)
  // Who may do what rests on these: nobody leaves them out.
  const admission = {
    mutating: [...rules.mutating, certificateRequester],
    validating: [...rules.validating, preventEscalation(authorizer, rbac), guardCertificates(authorizer)],
  }
  const context = { storage, cluster, admission, services: allocator, signer }
  const resourceHandler = new ResourceHandler({
    store,
    feed,
    context,
    authorizer,
    bookmarkMs: options.bookmarkMs ?? 60_000,
  })
  const kubernetes = new KubernetesService(context, primary.first, options.advertise, log)
  const reviewHandler = new ReviewHandler({ tokens, authorizer })
  const parts = {
    feed,
    catalog,
    log,
    resourceHandler,
    reviewHandler,
    signer,
    serverUrl: httpsUrl(options.advertise.address, options.advertise.port),
  }
  const handler = { handle: (request: ApiRequest) => answer(request, parts) }
  const access = Promise.withResolvers<void>()
  const ready = feed.started.then(async () => {
    await Promise.all([kubernetes.ready, access.promise])
  })
  const run = async (signal: AbortSignal) => {
    const ensureAccess = async () => {
      // Some roles are in namespaces, which come first.
      await Promise.race([kubernetes.ready, aborted(signal)])
      access.resolve(await ensureDefaultAccess(context, log, signal))
    }
    await Promise.all([
      feed.run(signal),
      feed.started.then(async () => {
        await Promise.all([kubernetes.run(signal), ensureAccess()])
      }),
    ])
  }
  const authenticateToken = async (token: string) => {
    await feed.started
    return (await tokens.authenticate(token))?.user
  }
  return { handler, authenticateToken, authorizer, known: feed.started, run, ready }
}

/** As kubeadm has it; the name need not be found by whoever reads a token. */
const tokenIssuer = 'https://kubernetes.default.svc.cluster.local'

interface Parts {
  feed: CacheFeed
  catalog: Catalog
  log: Log
  resourceHandler: ResourceHandler
  reviewHandler: ReviewHandler
  signer: TokenSigner
  /** Where clients reach this server. */
  serverUrl: string
}

async function answer(request: ApiRequest, parts: Parts): Promise<ApiResponse> {
  const { feed, catalog, log, resourceHandler, reviewHandler } = parts
  try {
    const route = parseRoute(request.method, request.url, catalog)
    if (route === undefined) return await answerPath(request, parts)
    await feed.started
    const isReview = reviews.includes(route.resource)
    return await (isReview ? reviewHandler : resourceHandler).handle(request, route)
  } catch (error) {
    return respondError(toStatusError(error, log))
  }
}

/** What is about no object. */
async function answerPath(request: ApiRequest, { catalog, signer, serverUrl }: Parts): Promise<ApiResponse> {
  return (
    answerDiscovery(request, catalog) ??
    (await answerOpenApi(request, catalog)) ??
    (await answerIssuerDiscovery(request, signer, serverUrl)) ??
    noSuchRoute(request)
  )
}

function noSuchRoute({ url, method }: ApiRequest): ApiResponse {
  const isHealth = ['/healthz', '/livez', '/readyz'].includes(url.pathname) && method === 'GET'
  if (isHealth) return { status: 200, headers: { 'content-type': 'text/plain' }, body: 'ok' }
  throw noSuchPath()
}
