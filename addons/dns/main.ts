// The cluster's DNS server: knows Services, endpoints and namespaces by watch, and answers from memory.

import { setTimeout as sleep } from 'node:timers/promises'
import { pino } from 'pino'
import { HttpClient } from '../../api/client/http-client.ts'
import { loadInClusterConfig } from '../../api/client/in-cluster.ts'
import { loadKubeconfig } from '../../api/client/kubeconfig.ts'
import { TlsTransport } from '../../api/client/tls-transport.ts'
import { Cluster } from './cluster.ts'
import { Metrics } from './metrics.ts'
import { readOptions, upstreamsOf } from './options.ts'
import { Resolver } from './resolver.ts'
import { ForwardRoutes } from './routes.ts'
import { DnsServer } from './server.ts'
import { startStatusServer } from './status-server.ts'

const options = readOptions()
const log = pino({ name: 'dns' })
const onError = (error: unknown) => log.warn({ error: String(error) }, 'an attempt failed')
const stop = new AbortController()
let notReady: string | undefined = 'the cluster is not known yet'

const transport = new TlsTransport(
  options.kubeconfig === undefined ? loadInClusterConfig() : loadKubeconfig(options.kubeconfig),
)
const cluster = new Cluster(new HttpClient(transport), onError)
const metrics = new Metrics()
const upstreams = upstreamsOf(options)
const routes = new ForwardRoutes({ upstreams, onError, onAnswered: (from) => metrics.countForward(from) }, options.stub)
const resolver = new Resolver({
  ...options,
  lookup: cluster,
  forward: (question, dnssecOk) => routes.resolve(question, dnssecOk),
  serial: Math.floor(Date.now() / 1000),
})
const server = new DnsServer({
  host: options.host,
  port: options.port,
  resolve: ({ question, dnssecOk }) => resolver.resolve(question, dnssecOk),
  onAnswered: (asked, outcome, protocol, tookMs) => metrics.countAnswer(asked, outcome, protocol, tookMs),
  onError,
})

process.once('SIGTERM', end)
process.once('SIGINT', end)
await startStatusServer({
  host: options.host,
  port: options.statusPort,
  notReady: () => notReady,
  registry: metrics.registry,
  onError,
})
const following = cluster.run(stop.signal).catch((error: unknown) => {
  log.error({ error: String(error) }, 'the cluster can no longer be followed')
  process.exit(1)
})
await cluster.synced()
await server.listen()
notReady = undefined
log.info({ zone: options.zone, port: options.port, upstreams }, 'answering')
if (await routes.findLoop())
  log.error({ upstreams }, 'upstreams lead back here: names outside the cluster fail until --upstream names others')
await following

/** Clients turn elsewhere when it is no longer ready; until they have, they are answered. */
async function end(): Promise<void> {
  if (notReady === 'ending') return
  const wasReady = notReady === undefined
  notReady = 'ending'
  if (wasReady) await sleep(options.lameduck * 1000)
  stop.abort()
  await server.close()
  routes.close()
  await transport.close()
  process.exit(0)
}
