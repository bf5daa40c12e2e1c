// Keeps the kernel of this node at what Services and their endpoints want. Events only mark a Service as changed; what
// changed within a few milliseconds is worked out from the newest objects and handed to the backend as one call.

import type { Client } from '../../api/client/client.ts'
import { Informer } from '../../api/client/informer.ts'
import { pause } from '../../api/client/work-queue.ts'
import type { EndpointSlice, Node, Service } from '../../api/generated/types.ts'
import type { Difference, Verifiable } from '../../api/net/difference.ts'
import { type Stored, toKey } from '../../api/objects/object.ts'
import { endpointSlices } from '../../api/resources/endpoint-slices.ts'
import { nodes } from '../../api/resources/nodes.ts'
import { services } from '../../api/resources/services.ts'
import type { BackendOptions, ProxyBackend } from './backend.ts'
import { ConnectionCleaner } from './connection-cleaner.ts'
import { HealthCheckServers } from './health/health-check-servers.ts'
import { localHealthOf } from './health/local-health.ts'
import { ProxyHealth } from './health/proxy-health.ts'
import { createBackend, type ProxyMode } from './modes.ts'
import { type ServicePort, toServicePorts } from './table.ts'

export interface ServiceProxyOptions extends BackendOptions {
  client: Client
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
  readonly #services: Informer<Service>
  readonly #slices: Informer<EndpointSlice>
  /** This node, for its zone. */
  readonly #self: Informer<Node>
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
    const { client, onError } = options
    this.#options = options
    this.#backend = createBackend(options.mode, options)
    this.#cleaner = new ConnectionCleaner(options, this.#backend)
    const { host = '::', port = 0 } = options.health ?? {}
    this.#health = new ProxyHealth({ host, port, now: Date.now, isEligible: () => isEligible(this.#self.list()[0]) })
    if (options.health !== undefined)
      this.#checks = new HealthCheckServers({ host, onError, isHealthy: () => this.#health.isHealthy })
    this.#services = new Informer(client, services, { onError })
    this.#slices = new Informer(client, endpointSlices, {
      onError,
      indexes: { service: (slice) => [serviceKeyOf(slice)] },
    })
    this.#self = new Informer(client, nodes, { onError, fieldSelector: `metadata.name=${options.nodeName}` })
    this.#self.onChange(({ object }) => this.#setZone(object?.metadata.labels?.[zoneLabel]))
    this.#services.onChange(({ old, object }) => this.#mark(toKey(object ?? old ?? {})))
    this.#slices.onChange(({ old, object }) => {
      if (old !== undefined) this.#mark(serviceKeyOf(old))
      if (object !== undefined) this.#mark(serviceKeyOf(object))
    })
  }

  /** Serves until the signal aborts. The rules stay: connections must outlive the agent. Rejects when it can no longer follow the cluster. */
  async run(signal: AbortSignal): Promise<void> {
    const wakeUp = () => this.#wake?.()
    signal.addEventListener('abort', wakeUp)
    if (this.#options.health !== undefined) await this.#health.listen()
    const all = [this.#services, this.#slices, this.#self]
    const informers = Promise.all(all.map((informer) => informer.run(signal)))
    // Nothing is written before all lists are whole: half a picture would cut working Services.
    await Promise.race([Promise.all(all.map(({ synced }) => synced)), informers])
    // Together, so that informers that fail later are heard of at once: rules that nobody keeps up look like working ones.
    await Promise.all([informers, this.#serve(signal)])
    await Promise.all([this.#health.close(), this.#checks?.close()])
    signal.removeEventListener('abort', wakeUp)
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
    for (const service of this.#services.list()) this.#mark(toKey(service))
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
    for (const key of keys) {
      const service = this.#services.get(key)
      const slices = this.#slices.byIndex('service', key)
      await this.#checks?.set(key, service && localHealthOf(service, slices, this.#options.nodeName))
    }
  }

  #portsOf(key: string): ServicePort[] {
    const service = this.#services.get(key)
    return service === undefined
      ? []
      : toServicePorts(service, this.#slices.byIndex('service', key), {
          nodeName: this.#options.nodeName,
          zone: this.#zone,
        })
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
