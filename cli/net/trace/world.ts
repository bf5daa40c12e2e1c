// The pictures of all namespaces that a packet may pass, and how they hang together: which link is the other end of which, and
// who hears a frame.

import type { LinkState, NamespaceState, Place } from '../../../api/net/state.ts'
import type { Family } from '../../../api/objects/addresses.ts'
import { isSame } from './address.ts'
import { Connections } from './connections.ts'
import { decideRoute, type RouteDecision, type RouteQuery } from './routing.ts'

/** A link in its namespace. */
export interface Port {
  namespace: Namespace
  link: LinkState
}

/** One namespace with questions about its picture. */
export class Namespace {
  readonly state: NamespaceState
  /** Begun anew for each traced path: the packet leaves entries in it. */
  connections: Connections

  constructor(state: NamespaceState) {
    this.state = state
    this.connections = new Connections(state)
  }

  get place(): Place {
    return this.state.place
  }

  /** "node-1" or "pod default/web on node-1". */
  get name(): string {
    return formatPlace(this.place)
  }

  link(name: string | undefined): LinkState | undefined {
    return this.state.links.find(({ ifname }) => ifname === name)
  }

  ports(bridge: string): LinkState[] {
    return this.state.links.filter(({ master }) => master === bridge)
  }

  /** A kernel setting as a number; undefined when the picture lacks it. */
  setting(path: string): number | undefined {
    const value = this.state.sysctls[path]
    return value === undefined ? undefined : Number(value)
  }

  route(query: Omit<RouteQuery, 'family'> & { family: Family }): RouteDecision {
    return decideRoute(this.state, query)
  }

  /** Whether packets to the address end here. */
  isLocal(address: string): boolean {
    const { ipv4, ipv6 } = this.state
    return [...ipv4.routes, ...ipv6.routes].some(({ type, dst }) => type === 'local' && isSame(dst, address))
  }

  /** The link that has the address. */
  linkOf(address: string): LinkState | undefined {
    return this.state.links.find(({ addr_info }) => addr_info.some(({ local }) => isSame(local, address)))
  }

  /** The address that a link shows to others: the first global one. */
  addressOf(link: string, family: Family): string | undefined {
    const wanted = family === 'ipv4' ? 'inet' : 'inet6'
    const own = this.link(link)?.addr_info.filter((info) => info.family === wanted) ?? []
    return (own.find(({ scope }) => scope === 'global') ?? own[0])?.local
  }
}

export function formatPlace({ node, pod }: Place): string {
  return pod === undefined ? node : `pod ${pod}`
}

export const isUp = ({ flags }: LinkState): boolean => flags.includes('UP')
/** A veth whose other end is down has no carrier. */
export const hasCarrier = ({ flags, operstate }: LinkState): boolean =>
  !flags.includes('NO-CARRIER') && operstate !== 'LOWERLAYERDOWN'
export const kindOf = ({ linkinfo }: LinkState): string => linkinfo?.info_kind ?? ''

export class World {
  readonly namespaces: readonly Namespace[]

  constructor(states: readonly NamespaceState[]) {
    this.namespaces = states.map((state) => new Namespace(state))
  }

  /** Forgets what traced packets have left. */
  reset(): void {
    for (const namespace of this.namespaces) namespace.connections = new Connections(namespace.state)
  }

  find({ node, pod }: Place): Namespace | undefined {
    return this.namespaces.find(({ place }) => place.node === node && place.pod === pod)
  }

  /** The namespaces that have the address, nodes first. */
  ownersOf(address: string): Namespace[] {
    return this.namespaces
      .filter((namespace) => namespace.linkOf(address) !== undefined)
      .sort((a, b) => Number(a.place.pod !== undefined) - Number(b.place.pod !== undefined))
  }

  /** The other end of a veth pair between a node and one of its pods. Other pairs end at switches that no agent sees. */
  peerOf({ namespace, link }: Port): Port | undefined {
    if (kindOf(link) !== 'veth' || link.link_index === undefined) return undefined
    for (const other of this.namespaces) {
      const { node, pod } = other.place
      const isPair = node === namespace.place.node && (pod === undefined) !== (namespace.place.pod === undefined)
      if (!isPair) continue
      const peer = other.state.links.find(
        ({ ifindex, link_index }) => ifindex === link.link_index && link_index === link.ifindex,
      )
      if (peer !== undefined && kindOf(peer) === 'veth') return { namespace: other, link: peer }
    }
    return undefined
  }

  /** Every link that hears a broadcast sent out of this one. */
  hearersOf(port: Port): Port[] {
    const { namespace, link } = port
    if (kindOf(link) === 'bridge')
      return namespace.ports(link.ifname).flatMap((each) => this.hearersOf({ namespace, link: each }))
    const peer = this.peerOf(port)
    if (peer === undefined) return isWire(link) ? this.#wireExcept(port) : []
    const bridge = peer.namespace.link(peer.link.master)
    if (bridge === undefined) return [peer]
    const others = peer.namespace.ports(bridge.ifname).filter(({ ifname }) => ifname !== peer.link.ifname)
    return [
      { namespace: peer.namespace, link: bridge },
      ...others.flatMap((each) => this.hearersOf({ namespace: peer.namespace, link: each })),
    ]
  }

  /** All links on the network between the nodes but this one; of a link in a bridge, the bridge. */
  #wireExcept(port: Port): Port[] {
    return this.namespaces
      .filter(({ place }) => place.pod === undefined && place.node !== port.namespace.place.node)
      .flatMap((namespace) =>
        namespace.state.links
          .filter((link) => isWire(link) && this.peerOf({ namespace, link }) === undefined)
          .map((link) => ({ namespace, link: namespace.link(link.master) ?? link })),
      )
  }
}

const notWires = new Set(['bridge', 'vxlan', 'dummy', 'tun', 'wireguard', 'ipip', 'sit', 'gre', 'ifb', 'nlmon'])

/** Whether a link may lead to other machines. */
export function isWire(link: LinkState): boolean {
  return link.link_type !== 'loopback' && link.ifname !== 'lo' && !notWires.has(kindOf(link))
}
