// A flow through the cluster: all ways that chance may choose, each out and back, with small packets and with the largest.

import type { Place } from '../../../api/net/state.ts'
import type { Cause, End, Flow, Leg, Trace, TracedPath } from '../../../api/net/trace.ts'
import { familyOf } from '../../../api/objects/addresses.ts'
import { type Choose, explore } from './choices.ts'
import { invert, type Tuple, tupleOf } from './connections.ts'
import { takeFrame } from './frames.ts'
import { send } from './host.ts'
import { makePacket, type Packet, smallBytes } from './packet.ts'
import { type Position, Walk } from './walk.ts'
import { formatPlace, type Namespace, type Port, type World } from './world.ts'

export interface TraceOptions {
  world: World
  flow: Flow
  /** Who sends: a namespace, or somebody outside whose packets come in by this link. */
  from: { namespace: Namespace } | { entry: Port }
  /** The Service whose address is asked for: a packet that nothing translates is not served then. */
  service?: string
  /** Pods that it is served by. */
  backends?: readonly Place[]
  /** How many ways are followed. */
  limit?: number
}

const defaultLimit = 8

export function traceFlow(options: TraceOptions): Trace {
  const { world, flow, limit = defaultLimit } = options
  const { results, more } = explore(limit, (begin) => {
    const small = tracePath(options, begin(), smallBytes)
    return isGood(small.path) ? checkSize(options, begin(), small) : small.path
  })
  world.reset()
  return { flow, paths: results, more }
}

interface Traced {
  path: TracedPath
  /** Largest packet that sender and receiver would send each other. */
  largest: number
}

/** One way, out and back. */
function tracePath(options: TraceOptions, choose: Choose, bytes: number): Traced {
  const { world, flow, from } = options
  world.reset()
  const walk = new Walk(world, choose)
  const packet = makePacket({ source: '', ...flow }, familyOf(flow.destination), bytes)
  // Who is outside chose his source already; a node that sends on later, into a tunnel, is not the sender.
  if (!('namespace' in from)) walk.sent = tupleOf(packet)
  const start: Position = () =>
    'namespace' in from
      ? send(walk, from.namespace, packet)
      : takeFrame(walk, from.entry, { packet, mac: from.entry.link.address ?? '', nextHop: packet.destination })
  const leg = walk.run(start)
  const forward = { ...leg, end: judge(leg.end, options, walk) }
  const sent = walk.sent ?? tupleOf(makePacket({ source: '', ...flow }, familyOf(flow.destination)))
  const path: TracedPath = { forward, warnings: walk.warnings, ...(Number.isFinite(walk.mtu) && { mtu: walk.mtu }) }
  const largest = largestBytes(flow, leg)
  if (forward.end.outcome !== 'delivered' && forward.end.outcome !== 'left') return { path, largest }
  const back = traceReply(options, walk, choose, sent, bytes)
  const reply = { hops: back.hops, hooks: back.hooks, end: judgeReply(back.end, world) }
  warnOfSources(walk, sent, options)
  const mtu = Math.min(walk.mtu, back.mtu)
  return { path: { ...path, reply, warnings: walk.warnings, ...(Number.isFinite(mtu) && { mtu }) }, largest }
}

function traceReply(options: TraceOptions, out: Walk, choose: Choose, sent: Tuple, bytes: number) {
  const { world, from } = options
  const { last } = out
  if (last === undefined) throw new Error('nothing arrived that could be answered')
  const origin = 'namespace' in from ? { namespace: from.namespace } : {}
  const walk = new Walk(world, choose, { ...origin, tuple: invert(sent) })
  const { packet: arrived, namespace, exit } = last
  const packet: Packet = {
    ...invertPacket(arrived),
    bytes,
    isAnswer: true,
  }
  const leg = walk.run(() =>
    exit === undefined
      ? send(walk, namespace, packet)
      : takeFrame(walk, exit, { packet, mac: exit.link.address ?? '', nextHop: packet.destination }),
  )
  out.warnings.push(...walk.warnings.filter(({ text }) => !out.warnings.some((warning) => warning.text === text)))
  return { ...leg, mtu: walk.mtu }
}

function invertPacket(packet: Packet): Packet {
  const { source, destination, sourcePort, port } = invert(tupleOf(packet))
  const { family, protocol } = packet
  return { family, protocol, source, destination, sourcePort, port, bytes: smallBytes, mark: 0 }
}

const lostCauses = new Set<Cause>(['no-route', 'not-listening', 'address-missing', 'neighbour-failed', 'not-here'])

/** What an end means for the whole way, which the last kernel on it does not know. */
function judge(end: End, { service, flow, world, backends = [] }: TraceOptions, walk: Walk): End {
  const destination = walk.last?.packet.destination ?? flow.destination
  const isOfPods = backends.some((place) => world.find(place) !== undefined)
  if (end.outcome === 'delivered' && end.place.pod === undefined && isOfPods && destination !== flow.destination) {
    const text = `${end.text}: the proxy of ${end.place.node} takes it, and asks an endpoint of its own accord`
    return { ...end, text }
  }
  const isLost = end.outcome === 'left' || lostCauses.has(end.cause)
  if (!isLost) return end
  const moved = end.outcome === 'left' ? ({ outcome: 'dropped', isElsewhere: true } as const) : {}
  if (walk.known !== undefined) {
    const text = `an old entry of connection tracking leads it astray (${walk.known}): ${end.text}`
    return { ...end, ...moved, cause: 'conntrack-stale', text }
  }
  if (service !== undefined && destination === flow.destination) {
    const text = `no rule serves Service ${service} here: ${flow.destination} is not translated, and ${end.text}`
    return { ...end, ...moved, cause: 'not-served', text }
  }
  const [owner] = world.ownersOf(destination)
  if (end.outcome !== 'left' || owner === undefined) return end
  const text = `${end.text}, but ${destination} is ${formatPlace(owner.place)} on ${owner.place.node}: no route leads there`
  return { ...end, ...moved, cause: 'route-wrong', text }
}

function judgeReply(end: End, world: World): End {
  if (end.cause !== 'reply-source') return end
  const off = world.namespaces.find(
    (namespace) => namespace.place.pod === undefined && namespace.setting('net/bridge/bridge-nf-call-iptables') === 0,
  )
  if (off === undefined) return end
  const cause: Cause = 'bridge-nf-off'
  return {
    ...end,
    cause,
    text: `${end.text}; bridged packets pass connection tracking only with net.bridge.bridge-nf-call-iptables = 1, which is off on ${off.name}`,
  }
}

function warnOfSources(walk: Walk, sent: Tuple, { world }: TraceOptions): void {
  const { last } = walk
  if (last === undefined) return
  const [sender] = world.ownersOf(sent.source)
  const seen = last.packet.source
  if (last.exit !== undefined) {
    const isPod = world.ownersOf(seen).some(({ place }) => place.pod !== undefined)
    if (isPod)
      walk.warn(
        'no-masquerade',
        `the packet leaves the cluster with the pod's address ${seen}: nobody out there can answer it`,
      )
    return
  }
  const isBetweenPods = sender?.place.pod !== undefined && last.namespace.place.pod !== undefined
  if (isBetweenPods && sender !== last.namespace && seen !== sent.source)
    walk.warn(
      'source-lost',
      `${formatPlace(last.namespace.place)} sees ${seen} instead of the pod's own address ${sent.source}`,
    )
}

/** TCP's two ends agree on what both can take; UDP sends what its own link takes. */
function largestBytes({ protocol }: Flow, { hops }: Leg): number {
  const ends = hops.filter(({ mtu }) => mtu !== undefined)
  const first = ends[0]?.mtu ?? smallBytes
  const last = ends.at(-1)?.mtu ?? first
  return protocol === 'tcp' ? Math.min(first, last) : first
}

function isGood({ forward, reply }: TracedPath): boolean {
  const isFine = (leg: Leg | undefined) => leg !== undefined && ['delivered', 'left'].includes(leg.end.outcome)
  return isFine(forward) && isFine(reply)
}

/** The same way with large packets: what swallows them without a word breaks all but the smallest exchange. */
function checkSize(options: TraceOptions, choose: Choose, small: Traced): TracedPath {
  if (small.largest <= smallBytes) return small.path
  const large = tracePath(options, choose, small.largest).path
  const bad = [large.forward, large.reply].find((leg) => leg?.end.cause === 'mtu')
  if (bad === undefined) return small.path
  if (bad.end.outcome === 'refused') {
    const warning = { cause: 'mtu' as const, text: bad.end.text }
    return { ...small.path, warnings: [...small.path.warnings, warning] }
  }
  const text = `small packets pass, large ones do not: ${bad.end.text}`
  const isForward = bad === large.forward
  // Hooks are those of the small packets, which are what is sent to prove it.
  const { hooks = [] } = (isForward ? small.path.forward : small.path.reply) ?? {}
  const worse: Leg = { hops: bad.hops, hooks, end: { ...bad.end, text } }
  const path: TracedPath = { ...small.path, isLargeOnly: true }
  return isForward ? { ...path, forward: worse } : { ...path, reply: worse }
}
