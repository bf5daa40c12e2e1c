// Keeps the kernel of this node at what Services and their endpoints want. Events only mark a Service as changed; what
// changed within a few milliseconds is worked out from the newest objects and handed to the backend as one call.

import type { Informer } from '../../api/client/informer.ts'
import { pause } from '../../api/client/work-queue.ts'
import type { EndpointSlice, Node, Service } from '../../api/generated/types.ts'
import type { Difference, Verifiable } from '../../api/net/difference.ts'
import { type Stored, toKey } from '../../api/objects/object.ts'
import type { BackendOptions, ProxyBackend } from './backend.ts'
import { ConnectionCleaner } from './connection-cleaner.ts'
import { HealthCheckServers } from './health/health-check-servers.ts'
import { localHealthOf } from './health/local-health.ts'
import { ProxyHealth } from './health/proxy-health.ts'
import { createBackend, type ProxyMode } from './modes.ts'
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

/** How long changes are collected: the endpoints of a rollout come in bursts. */
const collectMs = 5
const zoneLabel = 'topology.kubernetes.io/zone'
const retryMs = 1_000
/** A full comparison with the kernel: the net under the mechanism, for rules that somebody else flushed. */
const resyncMs = 60_000

export class ServiceProxy implements Verifiable {
  readonly #options: ServiceProxyOptions
  readonly #backend: ProxyBackend
  /** This node's. */
  #zone: string | undefined
  readonly #health: ProxyHealth
  readonly #checks: HealthCheckServers | undefined
  readonly #changed = new Set<string>()
  readonly #cleaner: ConnectionCleaner
  #wake: (() => void) | undefined
  #backendFree: Promise<unknown> = Promise.resolve()
  /** Once all Services have been written: before, the backend would take those for nobody's. */
  readonly #written = Promise.withResolvers<void>()

  constructor(options: ServiceProxyOptions) {
    const { services, slices, nodes, nodeName, onError } = options
    this.#options = options
    this.#backend = createBackend(options.mode, options)
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
    const aborted = Promise.withResolvers<void>()
    signal.addEventListener('abort', () => {
      aborted.resolve()
      this.#wake?.()
    })
    if (health !== undefined) await this.#health.listen()
    // Nothing is written before all lists are whole: half a picture would cut working Services.
    await Promise.race([Promise.all([services, slices, nodes].map(({ synced }) => synced)), aborted.promise])
    await this.#serve(signal)
    await Promise.all([this.#health.close(), this.#checks?.close()])
  }

  async #serve(signal: AbortSignal): Promise<void> {
    // Even a cluster without Services gets its base rules, and loses those of an earlier life.
    let due = true
    while (!signal.aborted) {
      if (due || this.#changed.size > 0) due = !(await this.#sync(signal))
      if (!signal.aborted && !due && this.#changed.size === 0) due = await this.#waitForChange()
    }
  }

  async verify(): Promise<Difference[]> {
    await this.#written.promise
    return await this.#exclusively(() => this.#backend.verify())
  }

  async repair(): Promise<void> {
    await this.#written.promise
    await this.#exclusively(() => this.#backend.resync())
  }

  /** The backend's calls never overlap. */
  async #exclusively<T>(call: () => Promise<T>): Promise<T> {
    const turn = this.#backendFree.then(call)
    this.#backendFree = turn.catch(() => undefined) // the caller hears of it
    return await turn
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
    this.#wake?.()
  }

  /** Returns whether a resync is due instead of a change. */
  async #waitForChange(): Promise<boolean> {
    const { promise, resolve } = Promise.withResolvers<boolean>()
    const timer = setTimeout(resolve, resyncMs, true)
    this.#wake = () => resolve(false)
    const due = await promise
    clearTimeout(timer)
    this.#wake = undefined
    return due
  }

  /** Returns whether all went well; what failed is marked again. */
  async #sync(signal: AbortSignal): Promise<boolean> {
    await pause(collectMs, signal)
    const keys = [...this.#changed]
    this.#changed.clear()
    const changes = new Map(keys.map((key) => [key, this.#portsOf(key)]))
    try {
      await this.#exclusively(() => (changes.size > 0 ? this.#backend.apply(changes) : this.#backend.resync()))
      await this.#cleaner.clean(changes)
      if (this.#changed.size === 0) this.#health.synced()
      this.#written.resolve()
      await this.#serveHealth(keys)
      return true
    } catch (error) {
      for (const key of keys) this.#changed.add(key)
      this.#options.onError(error)
      await pause(retryMs, signal)
      return false
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
    const { services, slices, nodeName } = this.#options
    const service = services.get(key)
    if (service === undefined) return []
    return toServicePorts(service, slices.byIndex('service', key), { nodeName, zone: this.#zone })
  }
}

/** Whether load balancers should still choose this node: not when somebody is about to take it away. */
function isEligible(node: Stored<Node> | undefined): boolean {
  const isMarked = node?.spec?.taints?.some(({ key }) => key === 'ToBeDeletedByClusterAutoscaler') === true
  return node?.metadata.deletionTimestamp === undefined && !isMarked
}

function serviceKeyOf({ metadata }: { metadata?: EndpointSlice['metadata'] }): string {
  return `${metadata?.namespace}/${metadata?.labels?.['kubernetes.io/service-name'] ?? ''}`
}
