// Keeps the addresses that fall to this node on its link. Changes of objects and the death of a better candidate wake it; what
// is held is worked out anew each time.

import { pause } from '../../api/client/alarm.ts'
import type { Client } from '../../api/client/client.ts'
import { type Informer, whenSynced } from '../../api/client/informer.ts'
import { Upkeep } from '../../api/client/upkeep.ts'
import type { EndpointSlice, Node, Service } from '../../api/generated/types.ts'
import type { Difference, Verifiable } from '../../api/net/difference.ts'
import { nodes } from '../../api/resources/nodes.ts'
import type { Link } from '../../cni/linux/ip.ts'
import { Peers } from './peers.ts'
import {
  type Announcement,
  announcingFactsOf,
  networksAnnotation,
  planAnnouncements,
  planOwn,
  planPeers,
} from './plan.ts'
import { announce, findUplink, holdAddresses, networksOf, verifyAddresses, type Where } from './uplink.ts'

export interface AnnouncerOptions extends Where {
  client: Client
  nodeName: string
  nodeIp: string
  services: Informer<Service>
  /** With the index "service": "namespace/name" of the slice's Service. */
  slices: Informer<EndpointSlice>
  nodes: Informer<Node>
  onError: (error: unknown) => void
  /** Told of addresses that this node took. */
  onTaken?: (announcement: Announcement) => void
}

/** Pauses before each telling: neighbours may miss a frame, and another holder may need a moment to let go. */
const repeatsMs = [0, 200, 1_000, 2_000]

export class Announcer implements Verifiable {
  readonly #options: AnnouncerOptions
  readonly #peers: Peers
  #announcements: Announcement[] = []
  /** What fell to this node at the last look. */
  #own: ReadonlySet<string> = new Set()
  /** On the link, or were at the last attempt to take them off. */
  #taken: ReadonlySet<string> = new Set()
  /** Nodes that came back since the last look. */
  readonly #returned = new Set<string>()
  /** Writing to the kernel is its: nobody else may meanwhile. */
  readonly #upkeep: Upkeep

  constructor(options: AnnouncerOptions) {
    this.#options = options
    this.#upkeep = new Upkeep({ sync: (_, signal) => this.#sync(signal), onError: options.onError })
    this.#peers = new Peers({
      addressOf: (node) => this.#addressOf(node),
      onDeath: () => this.#upkeep.wake(),
      onReturn: (node) => {
        this.#returned.add(node)
        this.#upkeep.wake()
      },
    })
    options.services.onChange(({ old, object }) => {
      if (old?.spec.type === 'LoadBalancer' || object?.spec.type === 'LoadBalancer') this.#upkeep.wake()
    })
    options.slices.onChange(() => {
      if (this.#announcements.length > 0) this.#upkeep.wake()
    })
    options.nodes.onChange(({ old, object }) => {
      if (old && object && announcingFactsOf(old) === announcingFactsOf(object)) return
      this.#upkeep.wake()
    })
  }

  /** Works until the signal aborts. The addresses stay: other nodes see that this one lives, and leave them to it. */
  async run(signal: AbortSignal): Promise<void> {
    await this.#synced(signal)
    await this.#upkeep.run(signal)
    this.#peers.close()
  }

  /** Somebody has flushed the node's rules: the guard is written anew, now. */
  resync(): void {
    this.#upkeep.resync()
  }

  async verify(): Promise<Difference[]> {
    await this.#synced()
    return await this.#upkeep.exclusively(async () => {
      const link = await findUplink(this.#options.nodeIp, this.#options)
      return await verifyAddresses(link, this.#planOwn(), { ...this.#options, taken: this.#taken })
    })
  }

  async repair(): Promise<void> {
    await this.#synced()
    const link = await findUplink(this.#options.nodeIp, this.#options)
    await this.#upkeep.exclusively(() => this.#hold(link, AbortSignal.any([])))
  }

  async #synced(signal?: AbortSignal): Promise<void> {
    const { services, slices, nodes: nodeInformer } = this.#options
    await whenSynced([services, slices, nodeInformer], signal)
  }

  /** What falls to this node by what is known now. */
  #planOwn(): Announcement[] {
    const { services, slices, nodes: nodeInformer, nodeName } = this.#options
    this.#announcements = planAnnouncements(
      services.list(),
      (key) => slices.byIndex('service', key),
      nodeInformer.list(),
    )
    return planOwn(this.#announcements, nodeName, this.#peers.isAlive)
  }

  async #sync(signal: AbortSignal): Promise<void> {
    const link = await findUplink(this.#options.nodeIp, this.#options)
    await this.#publishNetworks(link)
    await this.#hold(link, signal)
  }

  /** Other agents must know which addresses this node can take. */
  async #publishNetworks(link: Link): Promise<void> {
    const { client, nodeName } = this.#options
    const self = this.#options.nodes.get(nodeName)
    const networks = networksOf(link).join(',')
    if (self === undefined || self.metadata.annotations?.[networksAnnotation] === networks) return
    await client.patch(nodes, { name: nodeName }, 'application/merge-patch+json', {
      metadata: { annotations: { [networksAnnotation]: networks } },
    })
  }

  async #hold(link: Link, signal: AbortSignal): Promise<void> {
    const { nodeName, onTaken } = this.#options
    const own = this.#planOwn()
    this.#peers.watch(planPeers(this.#announcements, nodeName, this.#peers.isAlive))
    const added = new Set(await this.#take(link, own))
    for (const announcement of own) {
      const isNew = added.has(announcement.address)
      if (isNew) onTaken?.(announcement)
      // Whoever came back may have thought that this node was dead, and told the neighbours so.
      if (isNew || announcement.candidates.some((node) => this.#returned.has(node)))
        void this.#tellNeighbours(link, announcement.address, signal).catch(this.#options.onError)
    }
    this.#returned.clear()
  }

  async #take(link: Link, own: readonly Announcement[]): Promise<string[]> {
    this.#own = new Set(own.map(({ address }) => address))
    // Before it begins: a failure may leave any of them.
    this.#taken = this.#taken.union(this.#own)
    const added = await holdAddresses(link, own, { ...this.#options, taken: this.#taken })
    this.#taken = this.#own
    return added
  }

  async #tellNeighbours(link: Link, address: string, signal: AbortSignal): Promise<void> {
    for (const afterMs of repeatsMs) {
      await pause(afterMs, signal)
      // Gone meanwhile: it is another node's to tell of.
      if (signal.aborted || !this.#own.has(address)) return
      await announce(link, address, this.#options)
    }
  }

  #addressOf(name: string): { host: string; port: number } | undefined {
    const { status } = this.#options.nodes.get(name) ?? {}
    const host = status?.addresses?.find(({ type }) => type === 'InternalIP')?.address
    const port = status?.daemonEndpoints?.kubeletEndpoint?.Port
    return host === undefined || port === undefined ? undefined : { host, port }
  }
}
