// Builds the control plane's parts, joins them, runs them until the signal aborts, and takes them down in an order in
// which each still has what it needs: first who speaks to the API server, then it, then the store.

import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Logger } from 'pino'
import { aborted } from '../api/client/aborted.ts'
import { HttpClient } from '../api/client/http-client.ts'
import type { ClusterSettings } from '../api/client/join/cluster-settings.ts'
import { dnsAddressOf } from '../api/net/cluster-network.ts'
import { mastersGroup } from '../api/objects/known-users.ts'
import { resources } from '../api/resources/table.ts'
import { validateRanges } from './address-ranges.ts'
import { type ApiServer, createApiServer } from './api-server/core.ts'
import { LocalTransport } from './api-server/local-transport.ts'
import type { HealthChecks } from './api-server/serving/health.ts'
import { HttpsServer } from './api-server/serving/https-server.ts'
import { SecuredHandler } from './api-server/serving/secured-handler.ts'
import { AgentConnections } from './api-server/streaming/agent-connection.ts'
import { StreamingHandler } from './api-server/streaming/streaming-handler.ts'
import { StreamingUpgrades } from './api-server/streaming/upgrade-handler.ts'
import { runCertificateRenewal } from './certificate-renewal.ts'
import { loadCloudProvider } from './cloud-provider.ts'
import type { CloudProvider } from './controllers/cloud/provider.ts'
import { runControllers } from './controllers/manager.ts'
import { withEvictionWait } from './eviction-wait.ts'
import { runHousekeeping } from './housekeeping.ts'
import { Identity } from './identity.ts'
import type { ServeOptions } from './options.ts'
import { ensureTokenKey } from './pki/token-key.ts'
import { Scheduler } from './scheduler/scheduler.ts'
import { openEmbeddedStore } from './store/embedded-store.ts'

/** How long requests under way may take when the process stops; the rest of two seconds is for the parts. */
const requestGraceMs = 1000
const partsGraceMs = 1800

/** Runs until the signal aborts. Throws, with everything closed again, when a part cannot start or ends by itself. */
export async function serve(options: ServeOptions, log: Logger, signal: AbortSignal): Promise<void> {
  const { dataDir, bindAddress, port, serviceCidr, clusterCidr } = options
  validateRanges(serviceCidr, clusterCidr)
  const settings = settingsOf(options)
  const cloud = await loadCloudProvider(options)
  const store = openEmbeddedStore(join(dataDir, 'store'))
  try {
    const identity = await Identity.make(options)
    const advertise = { address: options.advertiseAddress, port }
    const nodePortRange = options.nodePortRange
    const table = withEvictionWait(resources, Math.round(options.podEvictionWait / 1000))
    const api = createApiServer({
      store,
      resources: table,
      serviceCidrs: serviceCidr,
      nodePortRange,
      advertise,
      tokenKey: ensureTokenKey(dataDir),
      log,
    })
    const server = makeServer(api, identity, log)
    await server.listen(port, bindAddress).catch((cause: Error) => {
      throw new Error(`cannot listen on ${bindAddress} port ${port}: ${cause.message}`, { cause })
    })
    log.info({ address: bindAddress, port }, 'listening')
    const stopping = new AbortController()
    const parts = [
      follow('API server', api.run(stopping.signal), stopping.signal),
      follow('scheduler', runScheduler(api, log, stopping.signal), stopping.signal),
      follow(
        'controllers',
        startControllers(api, identity, { ...options, cloud, settings }, log, stopping.signal),
        stopping.signal,
      ),
      follow('housekeeping', runHousekeeping({ store, onError: warn(log, 'store') }, stopping.signal), stopping.signal),
      follow(
        'certificate renewal',
        runCertificateRenewal(
          { identity, onServer: ({ cert, key }) => server.renew(cert, key), onError: warn(log, 'certificates') },
          stopping.signal,
        ),
        stopping.signal,
      ),
    ]
    void api.ready.then(() => log.info({ kubeconfig: identity.pki.adminKubeconfig }, 'ready'))
    try {
      await Promise.race([aborted(signal), ...parts])
    } finally {
      stopping.abort()
      await Promise.all([server.close(requestGraceMs), Promise.race([Promise.allSettled(parts), sleep(partsGraceMs)])])
    }
  } finally {
    await store.close()
  }
  log.info('stopped')
}

function makeServer(api: ApiServer, identity: Identity, log: Logger): HttpsServer {
  const onError = (error: unknown) => log.error({ err: error }, 'request failed')
  const client = localClient(api, 'system:apiserver')
  const agents = new AgentConnections(() => ({ ...identity.pki.agentClient, ca: identity.pki.caCert }))
  const inner = new StreamingHandler({ inner: api.handler, client, agents })
  const handler = new SecuredHandler({
    inner,
    authorizer: api.authorizer,
    known: api.known,
    health: healthOf(api),
    onError,
  })
  const upgrades = new StreamingUpgrades({ client, agents, authorize: (request) => handler.authorize(request) })
  const { server, caCert } = identity.pki
  const { authenticateToken } = api
  return new HttpsServer({ ...server, clientCa: caCert, authenticateToken, handler, upgrades, onError })
}

function healthOf(api: ApiServer): HealthChecks {
  let isReady = false
  void api.ready.then(() => {
    isReady = true
  })
  const caches = () => {
    if (!isReady) throw new Error('the watch caches are not filled yet')
  }
  return { live: {}, ready: { caches } }
}

function localClient(api: ApiServer, name: string): HttpClient {
  return new HttpClient(new LocalTransport(api.handler, { name, groups: [mastersGroup, 'system:authenticated'] }))
}

async function runScheduler(api: ApiServer, log: Logger, signal: AbortSignal): Promise<void> {
  const client = localClient(api, 'system:kube-scheduler')
  await new Scheduler({ client, onError: warn(log, 'scheduler') }).run(signal)
}

async function startControllers(
  api: ApiServer,
  identity: Identity,
  options: ServeOptions & { cloud: CloudProvider | undefined; settings: ClusterSettings },
  log: Logger,
  signal: AbortSignal,
): Promise<void> {
  const client = localClient(api, 'system:kube-controller-manager')
  const { clusterCidr, nodeMonitorGracePeriod, cloud, settings } = options
  const { caCert, serverNames } = identity.pki
  const joining = { serverUrl: identity.serverUrl, serverNames, settings, authority: identity }
  const timings = { nodeMonitorGraceMs: nodeMonitorGracePeriod }
  await runControllers(
    { client, clusterCidrs: clusterCidr, caCert, joining, log, timings, ...(cloud !== undefined && { cloud }) },
    signal,
  )
}

function settingsOf(options: ServeOptions): ClusterSettings {
  const { clusterCidr, serviceCidr, clusterDomain, network, proxyMode } = options
  return {
    clusterCidr: clusterCidr.join(),
    serviceCidr: serviceCidr.join(),
    clusterDns: options.clusterDns ?? dnsAddressOf(serviceCidr.join()),
    clusterDomain,
    network,
    proxyMode,
  }
}

/** A part that ends before it is told to is an error, whether it says so or not. */
async function follow(name: string, part: Promise<void>, signal: AbortSignal): Promise<void> {
  try {
    await part
  } catch (cause) {
    if (!signal.aborted) throw new Error(`${name} failed: ${cause instanceof Error ? cause.message : cause}`, { cause })
  }
  if (!signal.aborted) throw new Error(`${name} ended by itself`)
}

const warn = (log: Logger, part: string) => (error: unknown) => log.warn({ part, err: error }, 'will be tried again')
