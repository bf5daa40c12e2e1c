// Keeps the kernel of this node at what Services and their endpoints want. Events only mark a Service as changed; what
// changed within a few milliseconds is worked out from the newest objects and handed to the backend as one call.

import { type Informer, whenSynced } from '../../api/client/informer.ts'
import { Upkeep } from '../../api/client/upkeep.ts'
import type { EndpointSlice, Node, Service } from '../../api/generated/types.ts'
import type { Difference, Verifiable } from '../../api/net/difference.ts'
import { type Stored, toKey } from '../../api/objects/object.ts'
import type { BackendOptions, ProxyBackend } from './backend.ts'
import { ConnectionCleaner } from './connection-cleaner.ts'
import { HealthCheckServers } from './health/health-check-servers.ts'
import { localHealthOf } from './health/local-health.ts'
import { ProxyHealth } from './health/proxy-health.ts'
import { createBackend, type ProxyMode } from './modes.ts'
import { ServiceWriter } from './service-writer.ts'
import { type ServicePort, toServicePorts } from './table.ts'

export interface ServiceProxyOptions extends BackendOptions {
  services: Informer<Service>
  /** With the index "service": "namespace/name" of the slice's Service. */
  slices: Informer<EndpointSlice>
  nodes: Informer<Node>
  nodeName: string
  mode: ProxyMode
  /** Where load balancers and probes ask: the address for all health servers, the port of the proxy's own; absent: nowhere. */
  health?: { host: string; port: number }
  onError: (error: unknown) => void
}

const zoneLabel = 'topology.kubernetes.io/zone'

export class ServiceProxy implements Verifiable {
  readonly #options: ServiceProxyOptions
  readonly #backend: ProxyBackend
  readonly #writer: ServiceWriter
  /** This node's. */
  #zone: string | undefined
  readonly #health: ProxyHealth
  readonly #checks: HealthCheckServers | undefined
  readonly #changed = new Set<string>()
  readonly #cleaner: ConnectionCleaner
  /** The backend's calls are its: they must not overlap. */
  readonly #upkeep: Upkeep
  /** Once all Services have been written: before, the backend would take those for nobody's. */
  readonly #written = Promise.withResolvers<void>()

  constructor(options: ServiceProxyOptions) {
    const { services, slices, nodes, nodeName, onError } = options
    this.#options = options
    this.#upkeep = new Upkeep({ sync: (isResync) => this.#sync(isResync), onError })
    this.#backend = createBackend(options.mode, options)
    this.#writer = new ServiceWriter(this.#backend)
    this.#cleaner = new ConnectionCleaner(options, this.#backend)
    const { host = '::', port = 0 } = options.health ?? {}
    this.#health = new ProxyHealth({ host, port, now: Date.now, isEligible: () => isEligible(nodes.get(nodeName)) })
    if (options.health !== undefined)
      this.#checks = new HealthCheckServers({ host, onError, isHealthy: () => this.#health.isHealthy })
    nodes.onChange(({ object }) => {
      if (object?.metadata.name === nodeName) this.#setZone(object.metadata.labels?.[zoneLabel])
    })
    services.onChange(({ old, object }) => this.#mark(toKey(object ?? old ?? {})))
    slices.onChange(({ old, object }) => {
      if (old !== undefined) this.#mark(serviceKeyOf(old))
      if (object !== undefined) this.#mark(serviceKeyOf(object))
    })
  }

  /** Serves until the signal aborts. The rules stay: connections must outlive the agent. */
  async run(signal: AbortSignal): Promise<void> {
    const { services, slices, nodes, health } = this.#options
    if (health !== undefined) await this.#health.listen()
    // Nothing is written before all lists are whole: half a picture would cut working Services.
    await whenSynced([services, slices, nodes], signal)
    // Even a cluster without Services gets its base rules, and loses those of an earlier life.
    await this.#upkeep.run(signal)
    await Promise.all([this.#health.close(), this.#checks?.close()])
  }

  /** Looks at the kernel now: somebody else has changed it. */
  resync(): void {
    this.#upkeep.resync()
  }

  async verify(): Promise<Difference[]> {
    await this.#written.promise
    return await this.#upkeep.exclusively(() => this.#backend.verify())
  }

  async repair(): Promise<void> {
    await this.#written.promise
    await this.#upkeep.exclusively(() => this.#backend.resync())
  }

  /** Any Service may keep traffic within a zone. */
  #setZone(zone: string | undefined): void {
    if (zone === this.#zone) return
    this.#zone = zone
    for (const service of this.#options.services.list()) this.#mark(toKey(service))
  }

  #mark(serviceKey: string): void {
    this.#changed.add(serviceKey)
    this.#health.pending()
    this.#upkeep.wake()
  }

  /** What failed is marked again. A proxy that others can rely on is healthy, also when a Service is refused. */
  async #sync(isResync: boolean): Promise<void> {
    const keys = [...this.#changed]
    this.#changed.clear()
    this.#health.syncing()
    const done = new Set<string>()
    try {
      const { written, refused } = await this.#writer.write(new Map(keys.map((key) => [key, this.#portsOf(key)])))
      if (isResync || keys.length === 0) await this.#backend.resync()
      await this.#cleaner.clean(written)
      this.#health.synced()
      this.#written.resolve()
      await this.#serveHealth([...written.keys()])
      for (const key of written.keys()) done.add(key)
      if (refused.size > 0) throw refusalOf(refused)
    } finally {
      for (const key of keys) if (!done.has(key)) this.#changed.add(key)
    }
  }

  async #serveHealth(keys: readonly string[]): Promise<void> {
    const { services, slices, nodeName } = this.#options
    for (const key of keys) {
      const service = services.get(key)
      await this.#checks?.set(key, service && localHealthOf(service, slices.byIndex('service', key), nodeName))
    }
  }

  #portsOf(key: string): ServicePort[] {
    const { services, slices, nodeName, nodeIps } = this.#options
    const service = services.get(key)
    if (service === undefined) return []
    return toServicePorts(service, slices.byIndex('service', key), { nodeName, nodeIps, zone: this.#zone })
  }
}

function refusalOf(refused: ReadonlyMap<string, unknown>): Error {
  const [cause] = refused.values()
  const names = [...refused.keys()].join(', ')
  return new Error(`cannot write Service ${names}: served as before, and tried again`, { cause })
}

/** Whether load balancers should still choose this node: not when somebody is about to take it away. */
function isEligible(node: Stored<Node> | undefined): boolean {
  const isMarked = node?.spec?.taints?.some(({ key }) => key === 'ToBeDeletedByClusterAutoscaler') === true
  return node?.metadata.deletionTimestamp === undefined && !isMarked
}

function serviceKeyOf({ metadata }: { metadata?: EndpointSlice['metadata'] }): string {
  return `${metadata?.namespace}/${metadata?.labels?.['kubernetes.io/service-name'] ?? ''}`
}
