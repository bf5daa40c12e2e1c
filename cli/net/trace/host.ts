// The IP layer of one namespace: sending, receiving, forwarding, delivering.

import type { End, HookName } from '../../../api/net/trace.ts'
import { isSame } from './address.ts'
import { isSameTuple, tupleOf } from './connections.ts'
import { openTunnel } from './frames.ts'
import { type Devices, runHook } from './hooks.ts'
import { chooseServer } from './ipvs.ts'
import { resolve } from './neighbours.ts'
import { formatEnd, type Packet } from './packet.ts'
import type { RouteDecision } from './routing.ts'
import { isLoopback } from './tests.ts'
import type { Position, Walk } from './walk.ts'
import type { Namespace } from './world.ts'

/** A packet that a process of the namespace sends. */
export function send(walk: Walk, namespace: Namespace, packet: Packet): Position | End {
  const first = routeOut(namespace, packet)
  const refusal = refuseRoute(walk, namespace, packet, first)
  if (refusal !== undefined) return refusal
  if (packet.source === '') packet.source = first.preferredSource ?? ownAddress(namespace, packet, first.device)
  walk.sent ??= tupleOf(packet)
  walk.note(namespace, 'route', describe(first), packet, deviceOf(first))
  const before = `${packet.destination} ${packet.mark}`
  const end = pass(walk, namespace, 'output', packet, { oif: first.device })
  if (end !== undefined) return end
  // OUTPUT may change destination or mark; the kernel routes again then (ip_route_me_harder).
  const route = `${packet.destination} ${packet.mark}` === before ? first : routeOut(namespace, packet)
  const second = refuseRoute(walk, namespace, packet, route)
  if (second !== undefined) return second
  if (route !== first) walk.note(namespace, 'route', describe(route), packet, deviceOf(route))
  if (route.type === 'local') return () => loopBack(walk, namespace, packet)
  return () => leave(walk, namespace, packet, route)
}

function ownAddress(namespace: Namespace, { family, destination }: Packet, device: string): string {
  if (isLoopback(destination)) return destination
  return namespace.addressOf(device, family) ?? ''
}

function routeOut(namespace: Namespace, { family, source, destination, mark }: Packet): RouteDecision {
  return namespace.route({ family, destination, ...(source !== '' && { source }), mark })
}

function loopBack(walk: Walk, namespace: Namespace, packet: Packet): Position | End {
  const end =
    pass(walk, namespace, 'postrouting', packet, { oif: 'lo' }) ??
    pass(walk, namespace, 'prerouting', packet, { iif: 'lo' })
  return end ?? (() => deliver(walk, namespace, packet, 'lo'))
}

/** A packet that came in by a device and is for this namespace's IP layer. */
export function receive(
  walk: Walk,
  namespace: Namespace,
  packet: Packet,
  device: string,
  { isPrerouted = false, physicalIn }: { isPrerouted?: boolean; physicalIn?: string } = {},
): Position | End {
  walk.awaited = undefined
  if (!isPrerouted) {
    const end = pass(walk, namespace, 'prerouting', packet, { iif: device, ...(physicalIn && { physicalIn }) })
    if (end !== undefined) return end
  }
  const bad = checkSource(walk, namespace, packet, device)
  if (bad !== undefined) return bad
  const { family, source, destination, mark } = packet
  const route = namespace.route({ family, destination, source, iif: device, mark })
  if (route.type === 'local') return () => deliver(walk, namespace, packet, device)
  if (namespace.place.pod !== undefined) {
    const text = `${namespace.name} does not have the address ${destination}`
    return walk.drop(namespace, 'not-here', text, packet, device, 'receive')
  }
  if (route.type === 'broadcast' || route.type === 'multicast') return () => deliver(walk, namespace, packet, device)
  return () => forward(walk, namespace, packet, device, route)
}

/** Source address verification, as ip_route_input does it. IPv6 has none of it. */
function checkSource(walk: Walk, namespace: Namespace, packet: Packet, device: string): End | undefined {
  const { family, source, mark } = packet
  if (family === 'ipv6' || device === 'lo') return undefined
  if (namespace.isLocal(source) && namespace.setting(`net/ipv4/conf/${device}/accept_local`) !== 1) {
    const text = `martian source: the packet comes in by ${device} with ${namespace.name}'s own address ${source}`
    return walk.drop(namespace, 'martian-source', text, packet, device, 'receive')
  }
  const settings = ['all', device].map((name) => namespace.setting(`net/ipv4/conf/${name}/rp_filter`) ?? 0)
  const level = Math.max(...settings)
  if (level === 0) return undefined
  const back = namespace.route({ family, destination: source, source: packet.destination, mark })
  const isKnown = back.type === 'unicast'
  if (isKnown && (level === 2 || back.device === device)) return undefined
  const text = `rp_filter (${level}) of ${device}: the way back to ${source} is ${isKnown ? `by ${back.device} (${back.text})` : 'unknown'}`
  return walk.drop(namespace, 'rp-filter', text, packet, device, 'receive')
}

function forward(walk: Walk, namespace: Namespace, packet: Packet, iif: string, route: RouteDecision): Position | End {
  const { family } = packet
  const [all, own] = ['all', iif].map((name) => namespace.setting(`net/${family}/conf/${name}/forwarding`))
  // IPv4 asks the device that the packet came in by, IPv6 the namespace.
  if ((family === 'ipv4' ? (own ?? all) : all) === 0) {
    const setting = family === 'ipv4' ? (all === 0 ? 'ip_forward' : `conf.${iif}.forwarding`) : 'conf.all.forwarding'
    const text = `forwarding is off in ${namespace.name} (net.${family}.${setting} = 0)`
    return walk.drop(namespace, 'forwarding-off', text, packet, iif)
  }
  const refusal = refuseRoute(walk, namespace, packet, route)
  if (refusal !== undefined) return refusal
  if (walk.isLoop(namespace)) {
    const text = `the packet goes round in circles: ${namespace.name} has forwarded it before`
    // Once its time is up, the sender is told.
    return walk.end(namespace, 'refused', 'loop', text, packet)
  }
  walk.note(namespace, 'route', describe(route), packet, deviceOf(route))
  const end = pass(walk, namespace, 'forward', packet, { iif, oif: route.device })
  return end ?? (() => leave(walk, namespace, packet, route))
}

/** POSTROUTING, size, neighbour, and out. */
function leave(walk: Walk, namespace: Namespace, packet: Packet, route: RouteDecision): Position | End {
  const { device, gateway } = route
  const end = pass(walk, namespace, 'postrouting', packet, { oif: device })
  if (end !== undefined) return end
  const mtu = route.mtu ?? namespace.link(device)?.mtu ?? 1500
  if (packet.bytes > mtu && packet.inner !== undefined)
    walk.warn(
      'mtu',
      `${namespace.name} must cut tunnel packets in two: ${packet.bytes} bytes over ${device}, which takes ${mtu}`,
    )
  else if (packet.bytes > mtu) {
    const text = `the packet has ${packet.bytes} bytes, ${device} takes ${mtu}: "fragmentation needed" goes back to ${packet.source}`
    // The sender hears of it and sends smaller packets.
    return walk.end(namespace, 'refused', 'mtu', text, packet, { device })
  }
  return () => resolve(walk, namespace, packet, device, gateway ?? packet.destination, mtu)
}

/** INPUT and the socket. */
function deliver(walk: Walk, namespace: Namespace, packet: Packet, device: string): Position | End {
  const end = pass(walk, namespace, 'input', packet, { iif: device })
  if (end !== undefined) return end
  if (packet.inner !== undefined) return openTunnel(walk, namespace, packet, packet.inner)
  const server = chooseServer(walk, namespace, packet)
  if (server?.isRefused) return walk.end(namespace, 'refused', 'no-endpoints', server.text, packet, { step: 'rules' })
  if (server !== undefined) {
    walk.note(namespace, 'rules', server.text, packet)
    return () => send(walk, namespace, packet)
  }
  return arrive(walk, namespace, packet)
}

function arrive(walk: Walk, namespace: Namespace, packet: Packet): End {
  const { protocol, destination, port, tracked } = packet
  const target = formatEnd(destination, port)
  if (protocol === 'icmp' && walk.answer === undefined)
    return walk.end(namespace, 'delivered', 'none', `${target} answers the echo`, packet)
  if (walk.answer !== undefined) return arriveAnswer(walk, namespace, packet)
  const isListening = namespace.state.sockets.some(
    (socket) => socket.protocol === protocol && socket.port === port && listensOn(socket.address, destination),
  )
  if (isListening) return walk.end(namespace, 'delivered', 'none', `a process listens on ${protocol} ${target}`, packet)
  const isTranslated = tracked?.connection !== undefined && tracked.connection.original.port !== port
  const hint = isTranslated ? ' (the Service sends there)' : ''
  const text = `nothing listens on ${protocol} ${target} in ${namespace.name}${hint}`
  return walk.end(namespace, 'refused', 'not-listening', text, packet, { step: 'socket' })
}

/** The client takes the answer only when it comes from where it had asked. */
function arriveAnswer(walk: Walk, namespace: Namespace, packet: Packet): End {
  const { answer } = walk
  const isExpected =
    answer !== undefined && isSameTuple(answer.tuple, tupleOf(packet)) && answer.namespace === namespace
  if (isExpected) return walk.end(namespace, 'delivered', 'none', 'the answer arrives', packet)
  const asked = answer === undefined ? '' : formatEnd(answer.tuple.source, answer.tuple.sourcePort)
  const text = `the answer comes from ${formatEnd(packet.source, packet.sourcePort)}, but ${asked} was asked: it is not taken`
  return walk.end(namespace, 'dropped', 'reply-source', text, packet, { step: 'socket' })
}

/** Whether a socket at the address, as ss prints it, takes what is for the destination. */
export function listensOn(address: string, destination: string): boolean {
  // IPv6 sockets of programs such as Java's are bound to IPv4 addresses so (RFC 4291, section 2.5.5.2).
  if (address === '*' || isSame(address.replace(/^::ffff:(?=[\d.]+$)/, ''), destination)) return true
  return destination.includes(':') ? address === '::' : address === '0.0.0.0'
}

/** Takes the packet through a hook; an end when it does not come out. */
export function pass(
  walk: Walk,
  namespace: Namespace,
  hook: HookName,
  packet: Packet,
  devices: Devices,
): End | undefined {
  const { did, rules, accepted, known, notes, end } = runHook(namespace, hook, packet, devices, walk.choose)
  walk.known ??= known
  // What a tunnel carries is seen again where it is unpacked; the packet around it is another one.
  if (packet.inner === undefined)
    walk.hooks.push({ place: namespace.place, hook, hop: walk.hops.length, passes: end === undefined })
  if (end !== undefined) {
    const { outcome, cause, text, rule } = end
    return walk.end(namespace, outcome, cause, `${hook}: ${text}`, packet, {
      step: cause === 'conntrack-full' ? 'conntrack' : 'rules',
      ...(rule !== undefined && { rule }),
    })
  }
  if (did.length === 0 && accepted === undefined && notes.length === 0) return undefined
  const object = did.length > 0 ? rules.findLast((rule) => rule.object !== undefined)?.object : accepted?.object
  const what =
    did.length > 0
      ? did.join(', ')
      : accepted === undefined
        ? 'no rule matches'
        : `accepted by ${accepted.table} ${accepted.chain}`
  walk.note(namespace, 'rules', `${hook}: ${what}${object === undefined ? '' : ` (${object})`}`, packet, {
    ...(rules.length > 0 && { rules }),
    ...(notes.length > 0 && { notes }),
  })
  return undefined
}

function refuseRoute(walk: Walk, namespace: Namespace, packet: Packet, route: RouteDecision): End | undefined {
  const { destination } = packet
  const by = `${route.text}${route.rule === undefined || route.rule === route.text ? '' : ` (rule ${route.rule})`}`
  const refuse = (cause: 'no-route' | 'route-prohibit' | 'route-unreachable', text: string) =>
    walk.end(namespace, 'refused', cause, text, packet, { step: 'route' })
  if (route.type === 'none') return refuse('no-route', `no route to ${destination}`)
  if (route.type === 'prohibit') return refuse('route-prohibit', `forbidden by route: ${by}`)
  if (route.type === 'unreachable') return refuse('route-unreachable', `unreachable by route: ${by}`)
  if (route.type === 'blackhole')
    return walk.drop(namespace, 'route-blackhole', `swallowed by route: ${by}`, packet, undefined, 'route')
  return undefined
}

function describe({ text, rule }: RouteDecision): string {
  return rule === undefined ? text : `${text} (rule ${rule})`
}

function deviceOf({ device }: RouteDecision): { device?: string } {
  return device === '' ? {} : { device }
}
