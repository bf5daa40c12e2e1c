import { HttpClient } from '../../api/client/http-client.ts'
import { resources } from '../../api/resources/table.ts'
import { type ApiServer, type ApiServerOptions, createApiServer } from '../../control-plane/api-server/core.ts'
import type { RequestHandler, User } from '../../control-plane/api-server/exchange.ts'
import { LocalTransport } from '../../control-plane/api-server/local-transport.ts'
import { SecuredHandler } from '../../control-plane/api-server/serving/secured-handler.ts'
import { makeTokenKey } from '../../control-plane/pki/token-key.ts'
import { MemoryStore } from '../../control-plane/store/memory-store.ts'
import type { Store } from '../../control-plane/store/store.ts'

/** An API server in this process, without sockets. */
export interface TestApiServer extends Pick<ApiServer, 'authenticateToken'> {
  /** Speaks as an administrator. */
  client: HttpClient
  handler: RequestHandler
  /** The handler behind authorization. */
  secured: RequestHandler
  transport: LocalTransport
  /** Speaks as this user, who may do what the roles say. */
  as(user: User): LocalTransport
  store: Store
  /** Ends watches and the server; closes the store. */
  close(): Promise<void>
}

/** Resolves when requests can be answered and the first namespaces are there. */
export async function startApiServer(options: Partial<ApiServerOptions> = {}): Promise<TestApiServer> {
  const store = options.store ?? new MemoryStore()
  const stop = new AbortController()
  const log = { info() {}, warn: console.warn, error: console.error }
  const server = createApiServer({
    resources,
    serviceCidrs: ['10.96.0.0/16'],
    nodePortRange: { from: 30_000, to: 32_767 },
    advertise: { address: '192.0.2.1', port: 6443 },
    tokenKey: makeTokenKey(),
    // Nobody makes service accounts here, unless a test runs the controllers.
    leftOutAdmission: ['ServiceAccount'],
    log,
    ...options,
    store,
  })
  const running = server.run(stop.signal)
  await server.ready
  const transport = new LocalTransport(server.handler, { name: 'admin', groups: ['system:masters'] })
  const { handler, authorizer, known, authenticateToken } = server
  const health = { live: {}, ready: {} }
  const secured = new SecuredHandler({ inner: handler, authorizer, known, health, onError: console.error })
  const others: LocalTransport[] = []
  const as = (user: User) => {
    const other = new LocalTransport(secured, user)
    others.push(other)
    return other
  }
  const close = async () => {
    await Promise.all([transport, ...others].map((open) => open.close()))
    stop.abort()
    await store.close()
    await running
  }
  return { client: new HttpClient(transport), handler, secured, authenticateToken, transport, as, store, close }
}
