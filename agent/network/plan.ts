// What this node's kernel needs so that its pods reach all others, worked out from the Nodes and this node's own links. Pure.

import ipaddr from 'ipaddr.js'
import type { Node } from '../../api/generated/types.ts'
import type { networkKinds } from '../../api/net/cluster-network.ts'
import { publicKeyAnnotation } from '../../api/net/wireguard.ts'
import { canonicalAddress, canonicalRange, familyOf, isInRange } from '../../api/objects/addresses.ts'
import type { Stored } from '../../api/objects/object.ts'
import type { TunnelDevice } from './tunnel-device.ts'
import { planVtep, type Tunnel, tunnelOverhead, type Vtep, vtepMac, vtepName } from './vtep.ts'
import { endpointOf, type Peer, planWireguard, wireguardName, wireguardOverhead } from './wireguard.ts'
import { isPublicKey } from './wireguard-key.ts'

export type NetworkKind = (typeof networkKinds)[number]

/** The link of this node that carries one of its addresses, and what is reached on it without a router. */
export interface Uplink {
  address: string
  /** Absent when no link has the address (a cloud that translates it): then every node is taken to be near. */
  link?: { dev: string; mtu: number; subnets: string[] }
}

export interface NodeRoute {
  /** Another node's pod range. */
  dst: string
  /** Absent where the device alone leads there. */
  gateway?: string
  /** The device of tunnels; behind that of VXLAN the gateway is a name for a node rather than a neighbour. */
  dev?: string
  /** The Node that wants it. */
  owner: string
}

export interface NodePlan {
  /** This node's pod ranges, one a family. */
  ranges: string[]
  /** The largest packet that pods may send. */
  mtu: number
  /** Sorted by range. */
  routes: NodeRoute[]
  vtep?: Vtep
  tunnels: Tunnel[]
  wireguard?: TunnelDevice
  peers: Peer[]
  /** Addresses of nodes to which pods show their own address, sorted: those that have a way back to them. */
  nearNodes: { address: string; owner: string }[]
  /** Nodes whose pods cannot be reached, and why. */
  problems: string[]
}

export interface NetworkWish {
  kind: NetworkKind
  selfName: string
  /** First the one that tunnels go over. */
  uplinks: readonly Uplink[]
  /** Ranges of all pods, one a family. */
  clusterCidrs: readonly string[]
}

/** All that planNetwork reads of a Node, as text. */
export function networkFactsOf({ metadata, spec, status }: Stored<Node>): string {
  const { podCIDR, podCIDRs } = spec
  return JSON.stringify([metadata.annotations?.[publicKeyAnnotation], podCIDR, podCIDRs, status?.addresses])
}

/** Works out routes and tunnels to all other nodes. */
export function planNetwork(nodes: readonly Stored<Node>[], wish: NetworkWish): NodePlan {
  const self = nodes.find(({ metadata }) => metadata.name === wish.selfName)
  const ranges = self === undefined ? [] : rangesOf(self)
  const [underlay] = wish.uplinks
  const hasTunnels = ranges.length > 0 && underlay !== undefined
  const mtu = planMtu(wish)
  const plan: NodePlan = {
    ranges,
    mtu,
    routes: [],
    tunnels: [],
    peers: [],
    nearNodes: [],
    problems: [],
    ...(hasTunnels && wish.kind === 'vxlan' && { vtep: planVtep(underlay, ranges, mtu) }),
    ...(hasTunnels && wish.kind === 'wireguard' && { wireguard: planWireguard(ranges, mtu) }),
  }
  const taken: Taken = { keys: new Map(), ranges: new Set() }
  const ownKey = self && publicKeyOf(self)
  if (ownKey !== undefined) taken.keys.set(ownKey, undefined)
  for (const node of nodes.toSorted((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1)))
    addNode(plan, node, wish, taken)
  plan.routes.sort((a, b) => (a.dst < b.dst ? -1 : 1))
  plan.nearNodes.sort((a, b) => (a.address < b.address ? -1 : 1))
  return plan
}

/** What the nodes looked at so far have: a device has one peer of a public key, and one of a range. */
interface Taken {
  /** Undefined: this node's own. */
  keys: Map<string, Peer | undefined>
  ranges: Set<string>
}

function addNode(plan: NodePlan, node: Stored<Node>, wish: NetworkWish, taken: Taken): void {
  const owner = `Node ${node.metadata.name}`
  const isSelf = node.metadata.name === wish.selfName
  const addresses = internalAddresses(node)
  const isNear = (address: string) =>
    wish.kind === 'host-gw' || (wish.kind === 'vxlan' && isOnLink(address, wish.uplinks))
  for (const address of addresses) if (isSelf || isNear(address)) plan.nearNodes.push({ address, owner })
  if (isSelf) return
  if (wish.kind === 'wireguard') addPeer(plan, node, addresses, wish, taken)
  else addWays(plan, node, addresses, wish)
}

function addWays(plan: NodePlan, node: Stored<Node>, addresses: string[], wish: NetworkWish): void {
  const owner = `Node ${node.metadata.name}`
  for (const dst of rangesOf(node)) {
    const gateway = addresses.find((address) => familyOf(address) === familyOf(dst))
    if (gateway !== undefined && isOnLink(gateway, wish.uplinks)) plan.routes.push({ dst, gateway, owner })
    else if (plan.vtep !== undefined) addTunnel(plan, dst, addresses, owner)
    else if (gateway !== undefined && wish.kind === 'host-gw')
      plan.problems.push(`${owner} (${gateway}) is on no subnet of this node: host-gw cannot reach its pods, vxlan can`)
  }
}

/** Everything for another node's pods goes through its tunnel, from the same switch too: nothing is sent in the clear. */
function addPeer(
  plan: NodePlan,
  node: Stored<Node>,
  addresses: string[],
  { uplinks: [underlay], clusterCidrs }: NetworkWish,
  { keys, ranges: takenRanges }: Taken,
): void {
  const owner = `Node ${node.metadata.name}`
  const publicKey = publicKeyOf(node)
  const address = addresses.find((each) => familyOf(each) === familyOf(underlay?.address ?? ''))
  const ranges = rangesOf(node)
  if (plan.wireguard === undefined || ranges.length === 0 || address === undefined) return
  const endpoint = endpointOf({ address })
  const problem = whyNotPeer(publicKey, endpoint, keys)
  if (publicKey === undefined || problem !== undefined) {
    plan.problems.push(`${owner} ${problem}`)
    return
  }
  const allowed = [...ranges, ...ownRanges(addresses, clusterCidrs)].filter((range) => !takenRanges.has(range))
  for (const range of allowed) takenRanges.add(range)
  const known = keys.get(publicKey)
  if (known === undefined) {
    const peer: Peer = { owner, publicKey, endpoint, allowedIps: allowed }
    plan.peers.push(peer)
    keys.set(publicKey, peer)
  } else known.allowedIps = [...known.allowedIps, ...allowed]
  plan.routes.push(...ranges.map((dst) => ({ dst, dev: wireguardName, owner })))
}

/** A node's own addresses may send too, of programs that choose one of them. It writes them itself: pods' are not among them. */
function ownRanges(addresses: string[], clusterCidrs: readonly string[]): string[] {
  return [...new Set(addresses)]
    .filter((each) => !clusterCidrs.some((range) => isInRange(each, range)))
    .map((each) => `${each}/${familyOf(each) === 'ipv4' ? 32 : 128}`)
}

/** One bad key, and wg sets no peer at all. A host that was given another name has two Nodes for a while, with one key. */
function whyNotPeer(publicKey: string | undefined, endpoint: string, keys: Taken['keys']): string | undefined {
  if (publicKey === undefined) return 'has no WireGuard key: does its agent run with --network wireguard?'
  if (!isPublicKey(publicKey)) return `has a WireGuard key that is none: ${JSON.stringify(publicKey)}`
  if (!keys.has(publicKey) || keys.get(publicKey)?.endpoint === endpoint) return undefined
  return 'has the WireGuard key of another node: was its disk copied?'
}

function publicKeyOf({ metadata }: Stored<Node>): string | undefined {
  return metadata.annotations?.[publicKeyAnnotation]
}

function addTunnel({ vtep, routes, tunnels, problems }: NodePlan, dst: string, addresses: string[], owner: string) {
  const underlay = addresses.find((address) => familyOf(address) === familyOf(vtep?.local ?? ''))
  if (underlay === undefined) {
    if (addresses.length > 0) problems.push(`${owner} has no address of the family that tunnels use here`)
    return
  }
  const gateway = networkAddress(dst)
  routes.push({ dst, gateway, dev: vtepName, owner })
  const known = tunnels.find((tunnel) => tunnel.underlay === underlay)
  if (known === undefined) tunnels.push({ owner, underlay, mac: vtepMac(underlay), gateways: [gateway] })
  else known.gateways.push(gateway)
}

function planMtu({ kind, uplinks }: NetworkWish): number {
  const mtu = Math.min(...uplinks.map(({ link }) => link?.mtu ?? 1500), ...(uplinks.length === 0 ? [1500] : []))
  const [underlay] = uplinks
  if (kind === 'host-gw' || underlay === undefined) return mtu
  return mtu - (kind === 'vxlan' ? tunnelOverhead : wireguardOverhead)(underlay.address)
}

function isOnLink(address: string, uplinks: readonly Uplink[]): boolean {
  const family = uplinks.filter((uplink) => familyOf(uplink.address) === familyOf(address))
  return (
    uplinks.some(({ link }) => link === undefined) ||
    family.some(({ link }) => link?.subnets.some((subnet) => isInRange(address, subnet)))
  )
}

/** The node's pod ranges in the form that the kernel prints. */
function rangesOf({ spec }: Pick<Stored<Node>, 'spec'>): string[] {
  const ranges = spec.podCIDRs ?? (spec.podCIDR === undefined ? [] : [spec.podCIDR])
  return ranges.filter((range) => ipaddr.isValidCIDR(range)).map(canonicalRange)
}

function internalAddresses({ status }: Stored<Node>): string[] {
  return (status?.addresses ?? [])
    .filter(({ type, address }) => type === 'InternalIP' && ipaddr.isValid(address))
    .map(({ address }) => canonicalAddress(address))
}

/** The range's own address: no pod is ever given it. */
function networkAddress(range: string): string {
  return range.split('/')[0] ?? ''
}
