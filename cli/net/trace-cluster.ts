// A trace in a cluster: finds the ends, asks the nodes between them, works the ways out and sends the packet that proves them.

import { randomInt } from 'node:crypto'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { networkInterfaces } from 'node:os'
import type { Flow, Trace, TraceProtocol } from '../../api/net/trace.ts'
import { familyOf } from '../../api/objects/addresses.ts'
import { nodes } from '../../api/resources/nodes.ts'
import { services } from '../../api/resources/services.ts'
import type { Session } from '../session.ts'
import { chooseAddress, findEnd, nodePortBackends, type TraceEnd } from './ends.ts'
import { NodeAgents } from './node-agents.ts'
import { prepareRealPacket, type RealPacket } from './real-packet.ts'
import { compareWithReal } from './trace/proof.ts'
import { traceFlow } from './trace/trace.ts'
import { isWire, World } from './trace/world.ts'
import { findPlaces, takePictures } from './world-of-flow.ts'

/** What may be said beside the two ends; numbers as they were written. */
export interface TraceQuery {
  port?: string
  protocol?: string
  sourcePort?: string
  ipv6?: boolean
  via?: string
  limit: string
  proof: boolean
  timeout: string
}

export interface TracedCluster {
  trace: Trace
  /** Nodes that could not be asked, and why. */
  missing: string[]
}

/** Throws what a user can mend: ends that are not there, ports that are not known. */
export async function traceCluster(
  session: Session,
  from: string,
  to: string,
  query: TraceQuery,
): Promise<TracedCluster> {
  const { limit, timeoutMs, sourcePort } = readNumbers(query)
  const [source, found] = await Promise.all([findEnd(session, from), findEnd(session, to)])
  const destination = await withNodePort(session, toOutside(found, source), query)
  const flow = await makeFlow(source, destination, query, sourcePort)
  const entryNodes = source.isOutside === true ? await findEntries(session, destination, query) : []
  const places = findPlaces([source, destination], entryNodes, limit)
  const agents = new NodeAgents(session)
  const addresses = [...source.addresses, ...destination.addresses]
  const sender = source.isOutside === true ? ('outside' as const) : toPlace(source)
  const isProved = query.proof && canSend(source, destination, flow)
  const [{ states, missing }, packet] = await Promise.all([
    takePictures(agents, places, addresses),
    isProved ? prepareRealPacket({ agents, places, flow, from: sender, timeoutMs }) : undefined,
  ])
  const world = new World(states)
  const { service, backends = [] } = destination
  const trace = traceFlow({
    world,
    flow,
    from: source.isOutside === true ? entryOf(world, entryNodes, flow.destination) : senderOf(world, source),
    limit,
    backends,
    ...(service !== undefined && { service }),
  })
  return { trace: packet === undefined ? trace : await prove(trace, packet), missing }
}

async function prove(trace: Trace, packet: RealPacket): Promise<Trace> {
  const { answer, seen } = await packet.send()
  return { ...trace, proof: compareWithReal(trace, packet.mark, answer, seen) }
}

/** Ports of senders that no kernel gives away by itself are not taken: another program may have them. */
const firstSourcePort = 32_768
const lastSourcePort = 60_999

/** Throws what is wrong with them: no way followed would be none that fails. */
export function readNumbers({ limit, timeout, sourcePort }: Pick<TraceQuery, 'limit' | 'timeout' | 'sourcePort'>) {
  const ways = Number(limit)
  if (!Number.isInteger(ways) || ways < 1) throw new Error(`--limit ${limit}: must be a whole number from 1`)
  const timeoutMs = Number(timeout) * 1000
  if (!(timeoutMs > 0)) throw new Error(`--timeout ${timeout}: must be more than 0`)
  const chosen = sourcePort === undefined ? undefined : Number(sourcePort)
  if (chosen !== undefined && !(Number.isInteger(chosen) && chosen >= 1 && chosen <= 65_535))
    throw new Error(`--source-port ${sourcePort}: must be 1 to 65535`)
  return { limit: ways, timeoutMs, sourcePort: chosen }
}

async function makeFlow(
  source: TraceEnd,
  destination: TraceEnd,
  query: TraceQuery,
  sourcePort: number = randomInt(firstSourcePort, lastSourcePort),
): Promise<Flow> {
  const address = chooseAddress(source, destination, query.ipv6 === true ? 'ipv6' : undefined)
  const protocol = chooseProtocol(destination, query)
  return {
    protocol,
    destination: address,
    port: choosePort(destination, protocol, query),
    sourcePort,
    ...(source.isOutside === true && { source: source.addresses[0] ?? (await outsideAddress(address)) }),
  }
}

/** The address with which this machine asks; else one for documentation, which nobody has (RFC 5737, RFC 3849). */
async function outsideAddress(to: string): Promise<string> {
  const isIpv6 = familyOf(to) === 'ipv6'
  // To connect a socket for datagrams sends nothing, but finds the route.
  const socket = createSocket(isIpv6 ? 'udp6' : 'udp4')
  try {
    socket.connect(9, to)
    await once(socket, 'connect')
    return socket.address().address
  } catch (error) {
    if (!(error instanceof Error && 'code' in error)) throw error
    return isIpv6 ? '2001:db8:ffff::1' : '203.0.113.1'
  } finally {
    socket.close()
  }
}

/** From outside, this machine can send only as itself and only to what its own routes lead to. */
function canSend(source: TraceEnd, { node, pod, isBalancer }: TraceEnd, flow: Flow): boolean {
  if (source.isOutside !== true) return true
  const isOwn = Object.values(networkInterfaces()).some((infos) =>
    infos?.some(({ address }) => address === flow.source),
  )
  return isOwn && ((node !== undefined && pod === undefined) || isBalancer === true)
}

/** Somebody outside asks for a Service by its balancer's address. */
function toOutside(destination: TraceEnd, { isOutside }: TraceEnd): TraceEnd {
  const { balancerAddresses = [] } = destination
  return isOutside === true && balancerAddresses.length > 0
    ? { ...destination, addresses: balancerAddresses, isBalancer: true }
    : destination
}

async function withNodePort(session: Session, end: TraceEnd, { port }: TraceQuery): Promise<TraceEnd> {
  const wanted = port === undefined ? end.port : Number(port)
  if (end.node === undefined || end.pod !== undefined || wanted === undefined) return end
  const all = await session.client.list(services)
  return { ...end, ...(await nodePortBackends(session, all.items, wanted)) }
}

/** The nodes that a packet from outside may come to: the destination's own; any, for an address that any of them may have taken. */
async function findEntries(session: Session, { node }: TraceEnd, { via }: TraceQuery): Promise<string[]> {
  if (via !== undefined) return [via]
  if (node !== undefined) return [node]
  const { items } = await session.client.list(nodes)
  if (items.length === 0) throw new Error('the cluster has no node')
  return items.map(({ metadata }) => metadata.name)
}

function toPlace({ node, pod, title }: TraceEnd): { node: string; pod?: string } {
  if (node === undefined) throw new Error(`a trace begins at a pod, a node or outside, not at ${title}`)
  return { node, ...(pod !== undefined && { pod }) }
}

function senderOf(world: World, source: TraceEnd) {
  const namespace = world.find(toPlace(source))
  if (namespace === undefined) throw new Error(`there is no picture of ${source.title}`)
  return { namespace }
}

/** The first of the nodes that has the address, or else the first. */
function entryOf(world: World, candidates: readonly string[], address: string) {
  const found = candidates.flatMap((node) => world.find({ node }) ?? [])
  const namespace = found.find((each) => each.linkOf(address) !== undefined) ?? found[0]
  const link = namespace?.state.links.find(
    (each) => isWire(each) && world.peerOf({ namespace, link: each }) === undefined && each.master === undefined,
  )
  if (namespace === undefined || link === undefined)
    throw new Error(`no node has a link to the outside (${candidates.join(', ')})`)
  return { entry: { namespace, link } }
}

function chooseProtocol(end: TraceEnd, { protocol }: TraceQuery): TraceProtocol {
  if (protocol === undefined) return end.protocol ?? (end.port === undefined ? 'icmp' : 'tcp')
  if (protocol === 'tcp' || protocol === 'udp' || protocol === 'icmp') return protocol
  throw new Error(`--protocol ${protocol}: must be tcp, udp or icmp`)
}

function choosePort(end: TraceEnd, protocol: TraceProtocol, { port }: TraceQuery): number {
  if (protocol === 'icmp') return 0
  const chosen = port === undefined ? end.port : Number(port)
  if (chosen === undefined || !Number.isInteger(chosen) || chosen < 1 || chosen > 65_535)
    throw new Error(`which port of ${end.title}? Use --port`)
  return chosen
}
