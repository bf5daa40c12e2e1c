// Which node takes which load balancer address: every agent works it out for itself from the same objects, and comes to the
// same answer. Pure.

import { createHash } from 'node:crypto'
import ipaddr from 'ipaddr.js'
import type { EndpointConditions, EndpointSlice, Node, Service } from '../../api/generated/types.ts'
import { isAnnounced } from '../../api/net/announced.ts'
import { isInRange } from '../../api/objects/addresses.ts'
import { type Stored, toKey } from '../../api/objects/object.ts'

/** On a Node: the networks that its link to other nodes is on, "192.0.2.0/24,2001:db8::/64". Addresses elsewhere cannot be announced there. */
export const networksAnnotation = 'fairlead.io/node-networks'
/** Nodes with this label take no addresses (KEP-1143). */
const excludeLabel = 'node.kubernetes.io/exclude-from-external-load-balancers'

/** An address and the nodes that may take it, best first. */
export interface Announcement {
  address: string
  /** "namespace/name" of the Service. */
  service: string
  candidates: string[]
  /** What the address answers on. */
  ports: { protocol: string; port: number }[]
}

/** All that is read of a Node here and by whoever asks its agent whether it lives, as text: heartbeats change nothing of it. */
export function announcingFactsOf(node: Stored<Node>): string {
  const { addresses, daemonEndpoints } = node.status ?? {}
  return JSON.stringify([isFit(node), node.metadata.annotations?.[networksAnnotation], addresses, daemonEndpoints])
}

/** Everything that is to be announced by somebody. Sorted by address. */
export function planAnnouncements(
  services: readonly Stored<Service>[],
  slicesOf: (serviceKey: string) => readonly EndpointSlice[],
  nodes: readonly Stored<Node>[],
): Announcement[] {
  return services
    .filter((service) => service.spec.type === 'LoadBalancer' && isAnnounced(service))
    .flatMap((service) => planService(service, slicesOf, nodes.filter(isFit)))
    .sort((a, b) => (a.address < b.address ? -1 : 1))
}

function planService(
  service: Stored<Service>,
  slicesOf: (serviceKey: string) => readonly EndpointSlice[],
  nodes: readonly Stored<Node>[],
): Announcement[] {
  const key = toKey(service)
  const addresses = (service.status?.loadBalancer?.ingress ?? []).flatMap(({ ip, ipMode }) =>
    ip !== undefined && ipMode !== 'Proxy' ? [ip] : [],
  )
  if (addresses.length === 0) return []
  // Under Local a node without an endpoint would drop what it is sent.
  const serving = service.spec.externalTrafficPolicy === 'Local' ? nodesServing(slicesOf(key)) : undefined
  const ports = (service.spec.ports ?? []).map(({ protocol = 'TCP', port }) => ({
    protocol: protocol.toLowerCase(),
    port,
  }))
  return addresses.map((address) => {
    const able = nodes.filter((node) => isOn(node, address) && serving?.has(node.metadata.name) !== false)
    return {
      address,
      service: key,
      candidates: rank(
        address,
        able.map(({ metadata }) => metadata.name),
      ),
      ports,
    }
  })
}

/** Nodes that the address falls to, best first: when a node goes, only its own addresses move (rendezvous hashing). */
function rank(address: string, names: readonly string[]): string[] {
  const weightOf = (name: string) => createHash('sha256').update(`${address} ${name}`).digest('hex')
  return names
    .map((name) => ({ name, weight: weightOf(name) }))
    .sort((a, b) => (a.weight < b.weight ? 1 : -1))
    .map(({ name }) => name)
}

/** Ready as far as the control plane knows; that a node died a moment ago is for `Peers` to find out. */
function isFit({ metadata, status }: Stored<Node>): boolean {
  const isReady = status?.conditions?.some(({ type, status: value }) => type === 'Ready' && value === 'True') === true
  return isReady && metadata.labels?.[excludeLabel] === undefined && metadata.deletionTimestamp === undefined
}

function isOn({ metadata }: Stored<Node>, address: string): boolean {
  const networks = (metadata.annotations?.[networksAnnotation] ?? '').split(',').filter(ipaddr.isValidCIDR)
  return networks.some((network) => isInRange(address, network))
}

/**
 * Nodes with a ready endpoint; when none is ready anywhere, those where one that terminates still serves, as the node's own rules
 * then send to it (KEP-1669).
 */
function nodesServing(slices: readonly EndpointSlice[]): Set<string> {
  const endpoints = slices.flatMap((slice) => slice.endpoints ?? [])
  const nodesOf = (isChosen: (conditions: EndpointConditions) => boolean) =>
    new Set(
      endpoints.flatMap(({ nodeName, conditions = {} }) =>
        nodeName !== undefined && isChosen(conditions) ? [nodeName] : [],
      ),
    )
  const ready = nodesOf((conditions) => conditions.ready !== false)
  if (ready.size > 0) return ready
  return nodesOf(({ serving, terminating }) => serving === true && terminating === true)
}

/**
 * Whom this node must watch: the candidates next to it on both sides, up to the first that lives. Those before it, to take
 * over from; those after it, since one that comes back may have taken over meanwhile, and neighbours must be told again.
 */
export function planPeers(
  announcements: readonly Announcement[],
  self: string,
  isAlive: (node: string) => boolean,
): Set<string> {
  const untilAlive = (names: string[]) => {
    const nearest = names.findIndex(isAlive)
    return nearest === -1 ? names : names.slice(0, nearest + 1)
  }
  const peers = announcements.flatMap(({ candidates }) => {
    const place = candidates.indexOf(self)
    return place === -1
      ? []
      : [...untilAlive(candidates.slice(0, place).reverse()), ...untilAlive(candidates.slice(place + 1))]
  })
  return new Set(peers)
}

/** What this node takes: addresses for which every better candidate is dead. */
export function planOwn(
  announcements: readonly Announcement[],
  self: string,
  isAlive: (node: string) => boolean,
): Announcement[] {
  return announcements.filter(({ candidates }) => {
    const place = candidates.indexOf(self)
    return place !== -1 && !candidates.slice(0, place).some(isAlive)
  })
}
