// What one port of a Service adds to the sets and maps that all Services share. Pure.

import { allEndpoints, type Endpoint, type ServicePort } from '../table.ts'
import type { SetName } from './ruleset.ts'
import { assignIds, formatId, formatSlot } from './slots.ts'
import { type Spread, spreadChain } from './spread-chains.ts'
import { anyAddress } from './words.ts'

/** One element, in the very form in which nft prints it. */
export interface Element {
  set: SetName
  key: string
  /** What a map's key leads to. */
  value?: string
  /** The Service, and its port where the element has one: "default/web:http". */
  comment?: string
}

/** Endpoints in the order of their numbers, as `address . port`. */
export interface Slots {
  cluster: string[]
  local: string[]
}

/** One port with the numbers of its endpoints. */
export interface NumberedPort {
  port: ServicePort
  slots: Slots
}

/** What a Service adds. */
export interface ServicePlan {
  elements: Element[]
  spreads: Spread[]
  /** Addresses of endpoints on this node: what one of them sends to itself must be masqueraded. Services share them. */
  localAddresses: string[]
}

/** Where traffic comes in. Two Services that want the same door would contradict each other: one of them gets it. */
interface Door {
  /** The door's key in maps of verdicts. */
  key: string
  /** The key of its endpoints, without their number. */
  spreadKey: string
  kind: 'services' | 'nodeports'
}

/** Keys of all doors of the port, and its ClusterIP. Whoever owns a key may write its elements. */
export function claimsOf(port: ServicePort): string[] {
  const doors = [internalDoor(port), ...externalDoors(port)]
  return [...new Set([port.clusterIp, ...doors.map(({ key }) => key)])]
}

/** Where an agent that starts finds the numbers that an earlier life gave: the prefix of the maps' names, and the key. */
export function slotSources(port: ServicePort): Record<keyof Slots, [prefix: '' | 'local-', spreadKey: string]> {
  const internal = internalDoor(port).spreadKey
  const external = externalDoors(port)[0]?.spreadKey ?? ''
  return port.internalPolicy === 'Local'
    ? { cluster: ['', external], local: ['', internal] }
    : { cluster: ['', internal], local: ['local-', external] }
}

/** How the kernel writes an endpoint. */
export function formatEndpoint({ ip, port }: Endpoint): string {
  return `${ip} . ${port}`
}

/** All elements of a Service but those of doors that others own. */
export function planService(ports: readonly NumberedPort[], owns: (claim: string) => boolean): ServicePlan {
  const plan: ServicePlan = { elements: [], spreads: [], localAddresses: [] }
  const addresses = new Map(ports.map(({ port }) => [port.clusterIp, port.id.split(':')[0] ?? '']))
  for (const [key, comment] of addresses) if (owns(key)) plan.elements.push({ set: 'cluster-ips', key, comment })
  for (const { port, slots } of ports) planPort(plan, port, slots, owns)
  return plan
}

function planPort(plan: ServicePlan, port: ServicePort, slots: Slots, owns: (claim: string) => boolean): void {
  if (owns(internalDoor(port).key)) planInternal(plan, port, slots)
  const doors = new Map(externalDoors(port).map((door) => [door.key, door]))
  for (const door of doors.values()) if (owns(door.key)) planExternal(plan, port, door, slots)
  for (const ip of port.loadBalancerIps) if (owns(toDoor(port, ip).key)) planRanges(plan, port, toDoor(port, ip))
  for (const { ip, local } of allEndpoints(port)) if (local) plan.localAddresses.push(ip)
}

function planInternal(plan: ServicePlan, port: ServicePort, slots: Slots): void {
  const door = internalDoor(port)
  const endpoints = port.internalPolicy === 'Local' ? slots.local : slots.cluster
  if (endpoints.length === 0) planRefusal(plan, port, door)
  else planVerdict(plan, port, door, { way: 'internal', count: endpoints.length, staySeconds: port.affinitySeconds })
  planSpread(plan, port, door, '', endpoints)
}

function planExternal(plan: ServicePlan, port: ServicePort, door: Door, { cluster, local }: Slots): void {
  const isLocal = port.externalPolicy === 'Local'
  // Pods and the node itself are led to all endpoints even when none is here.
  if ((isLocal ? local : cluster).length === 0) planRefusal(plan, port, door)
  if (cluster.length + local.length > 0)
    planVerdict(plan, port, door, {
      way: door.kind === 'nodeports' ? 'nodeport' : 'external',
      count: cluster.length,
      staySeconds: port.affinitySeconds,
      ...(isLocal && { local: local.length }),
    })
  planSpread(plan, port, door, '', cluster)
  if (isLocal) planSpread(plan, port, door, 'local-', local)
}

function planVerdict(plan: ServicePlan, { id }: ServicePort, { kind, key }: Door, spread: Spread): void {
  const set = kind === 'nodeports' ? 'service-nodeports' : 'service-ips'
  plan.elements.push({ set, key, value: `goto ${spreadChain(spread)}`, comment: id })
  plan.spreads.push(spread)
}

/** Without any endpoint the client is told at once; with endpoints elsewhere only, balancers are to look for another node. */
function planRefusal(plan: ServicePlan, port: ServicePort, { kind, key }: Door): void {
  const value = allEndpoints(port).length === 0 ? 'goto reject-chain' : 'drop'
  plan.elements.push({ set: `no-endpoint-${kind}`, key, value, comment: port.id })
}

function planSpread(
  { elements }: ServicePlan,
  { id: comment, affinitySeconds }: ServicePort,
  { spreadKey }: Door,
  prefix: '' | 'local-',
  endpoints: string[],
): void {
  if (affinitySeconds === undefined) {
    for (const [slot, endpoint] of endpoints.entries())
      elements.push({ set: `${prefix}endpoints`, key: `${spreadKey} . ${formatSlot(slot)}`, value: endpoint, comment })
    return
  }
  const ids = assignIds(endpoints)
  for (const [slot, endpoint] of endpoints.entries()) {
    const id = formatId(ids.get(endpoint) ?? 0)
    elements.push({ set: `${prefix}sticky-ids`, key: `${spreadKey} . ${formatSlot(slot)}`, value: id, comment })
    elements.push({ set: `${prefix}sticky-endpoints`, key: `${spreadKey} . ${id}`, value: endpoint, comment })
  }
}

function planRanges({ elements }: ServicePlan, { id: comment, sourceRanges }: ServicePort, { key }: Door): void {
  if (sourceRanges.length === 0) return
  elements.push({ set: 'firewall-ips', key, comment })
  // nft prints a range of one address as the address.
  for (const range of sourceRanges)
    elements.push({ set: 'source-ranges', key: `${key} . ${range.replace(/(?<!:.*)\/32$|\/128$/, '')}`, comment })
}

function internalDoor(port: ServicePort): Door {
  return toDoor(port, port.clusterIp)
}

function externalDoors(port: ServicePort): Door[] {
  const { family, externalIps, loadBalancerIps, nodePort, protocol } = port
  const doors = [...externalIps, ...loadBalancerIps].map((ip) => toDoor(port, ip))
  if (nodePort === undefined) return doors
  const key = `${protocol} . ${nodePort}`
  return [...doors, { key, spreadKey: `${anyAddress(family)} . ${key}`, kind: 'nodeports' }]
}

function toDoor({ protocol, port }: ServicePort, ip: string): Door {
  const key = `${ip} . ${protocol} . ${port}`
  return { key, spreadKey: key, kind: 'services' }
}
