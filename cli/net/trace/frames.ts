// Below IP: veth pairs, bridges with their ports and forwarding tables, VXLAN, and the network between the nodes.

import type { Cause, End } from '../../../api/net/trace.ts'
import { isSame } from './address.ts'
import { pass, receive, send } from './host.ts'
import type { Packet } from './packet.ts'
import type { Position, Walk } from './walk.ts'
import { hasCarrier, isUp, kindOf, type Namespace, type Port } from './world.ts'

export interface Frame {
  packet: Packet
  /** Destination; "" where nobody of the cluster was found. */
  mac: string
  /** Whom IP means by it. */
  nextHop: string
  /** Why it will not be taken by who gets it, where that is known already. */
  wrong?: { cause: Cause; text: string }
  /** In a tunnel: the network it belongs to. */
  vni?: number
  /** PREROUTING has seen it on the bridge. */
  isPrerouted?: boolean
}

/** What VXLAN adds to a packet: IP, UDP, VXLAN and inner Ethernet headers. */
const tunnelBytes = { ipv4: 50, ipv6: 70 }
/** Ports of tunnels vary with the connection inside; any will do. */
const tunnelSourcePort = 50_000

/** Sends a frame out of a link. */
export function transmit(walk: Walk, port: Port, frame: Frame): Position | End {
  const { namespace, link } = port
  if (link.flags.includes('LOOPBACK')) return () => receive(walk, namespace, frame.packet, link.ifname)
  if (kindOf(link) === 'bridge') return () => bridgeOut(walk, port, undefined, frame)
  if (kindOf(link) === 'vxlan') return () => encapsulate(walk, port, frame)
  if (!hasCarrier(link)) return downEnd(walk, port, frame, 'has no carrier: its other end is down')
  const peer = walk.world.peerOf(port)
  return peer === undefined ? () => overWire(walk, port, frame) : () => cross(walk, peer, frame)
}

function downEnd(walk: Walk, { namespace, link }: Port, { packet }: Frame, why: string): End {
  return walk.block(namespace, 'link-down', `${link.ifname} ${why}`, packet, link.ifname, 'link')
}

/** Into another namespace: nothing of what the old one knew of the packet goes along. */
function cross(walk: Walk, peer: Port, frame: Frame): Position | End {
  const { packet } = frame
  delete packet.tracked
  packet.mark = 0
  if (!isUp(peer.link)) return downEnd(walk, peer, frame, 'is down')
  if (packet.bytes > peer.link.mtu) {
    const text = `the packet has ${packet.bytes} bytes, ${peer.link.ifname} takes ${peer.link.mtu}: dropped without a word`
    return walk.drop(peer.namespace, 'mtu', text, packet, peer.link.ifname, 'link')
  }
  return () => takeFrame(walk, peer, { ...frame, isPrerouted: false })
}

/** A frame comes in by a link. */
export function takeFrame(walk: Walk, port: Port, frame: Frame): Position | End {
  const { namespace, link } = port
  const bridge = namespace.link(link.master)
  if (bridge !== undefined && kindOf(bridge) === 'bridge')
    return () => bridgeIn(walk, port, { namespace, link: bridge }, frame)
  if (frame.mac !== '' && link.address !== undefined && frame.mac !== link.address) {
    const { cause, text } = frame.wrong ?? {
      cause: 'neighbour-wrong',
      text: `${link.ifname} of ${namespace.name} has ${link.address}, the frame is for ${frame.mac}`,
    }
    return walk.drop(namespace, cause, text, frame.packet, link.ifname, 'receive')
  }
  walk.note(namespace, 'receive', `comes in by ${link.ifname}`, frame.packet, { device: link.ifname, mtu: link.mtu })
  return () => receive(walk, namespace, frame.packet, link.ifname)
}

function bridgeIn(walk: Walk, port: Port, bridge: Port, frame: Frame): Position | End {
  const { namespace, link } = port
  const { packet } = frame
  const down = portDown(port)
  if (down !== undefined) return walk.block(namespace, 'port-down', down, packet, link.ifname, 'bridge')
  if (!isUp(bridge.link)) return downEnd(walk, bridge, frame, 'is down')
  const name = bridge.link.ifname
  walk.note(namespace, 'bridge', `comes in by port ${link.ifname} of ${name}`, packet, {
    device: link.ifname,
    mtu: link.mtu,
  })
  const isFiltered = callsNetfilter(namespace, packet)
  const before = packet.destination
  if (isFiltered) {
    const end = pass(walk, namespace, 'prerouting', packet, { iif: name, physicalIn: link.ifname })
    if (end !== undefined) return end
  }
  const mac = packet.destination === before ? frame.mac : macAfterTranslation(packet, bridge)
  if (isOwn(bridge, mac))
    return () => receive(walk, namespace, packet, name, { isPrerouted: isFiltered, physicalIn: link.ifname })
  return () => bridgeOut(walk, bridge, port, { ...frame, mac, isPrerouted: isFiltered })
}

/** A packet whose destination was translated to a neighbour on the same bridge is bridged there, all others are routed. */
function macAfterTranslation(packet: Packet, { namespace, link }: Port): string {
  const { family, destination, source, mark } = packet
  const decision = namespace.route({ family, destination, source, iif: link.ifname, mark })
  if (decision.type !== 'unicast' || decision.device !== link.ifname) return link.address ?? ''
  const entry = namespace.state.neighbours.find(({ dev, dst }) => dev === link.ifname && isSame(dst, destination))
  return entry?.lladdr ?? `address of ${destination}`
}

function isOwn({ namespace, link }: Port, mac: string): boolean {
  if (mac === link.address) return true
  return namespace.ports(link.ifname).some(({ address }) => address === mac)
}

function portDown({ link }: Port): string | undefined {
  const state = link.linkinfo?.info_slave_data?.state
  if (!isUp(link)) return `port ${link.ifname} of ${link.master} is down`
  if (!hasCarrier(link)) return `port ${link.ifname} of ${link.master} has no carrier: its other end is down`
  return state === undefined || state === 'forwarding' ? undefined : `port ${link.ifname} of ${link.master} is ${state}`
}

function callsNetfilter(namespace: Namespace, { family }: Packet): boolean {
  return namespace.setting(`net/bridge/bridge-nf-call-${family === 'ipv4' ? 'iptables' : 'ip6tables'}`) === 1
}

/** Out of a bridge by the port that leads to the frame's address. `from` is absent for what the host itself sends. */
function bridgeOut(walk: Walk, bridge: Port, from: Port | undefined, frame: Frame): Position | End {
  const { namespace, link } = bridge
  const { packet } = frame
  const stop = (cause: Cause, text: string) => walk.drop(namespace, cause, text, packet, link.ifname, 'bridge')
  const block = (cause: Cause, text: string) => walk.block(namespace, cause, text, packet, link.ifname, 'bridge')
  const leads = namespace.ports(link.ifname).map((each) => ({ namespace, link: each }))
  const behind = (port: Port) =>
    [walk.world.peerOf(port)].some(
      (peer) =>
        peer?.link.address === frame.mac ||
        (frame.mac === `address of ${packet.destination}` && peer?.namespace.linkOf(packet.destination) !== undefined),
    )
  const actual = leads.find(behind)
  const entry = namespace.state.fdb.find(
    ({ mac, master, ifname }) =>
      mac === frame.mac &&
      (master === link.ifname || ifname === link.ifname) &&
      leads.some((lead) => lead.link.ifname === ifname),
  )
  const known = leads.find((lead) => lead.link.ifname === entry?.ifname)
  const target = known ?? actual
  if (target === undefined) {
    const { cause, text } = frame.wrong ?? {
      cause: 'address-missing' as const,
      text: `no port of ${link.ifname} leads to ${frame.mac}`,
    }
    return stop(cause, text)
  }
  const out = target.link.ifname
  const settings = target.link.linkinfo?.info_slave_data
  if (known === undefined && settings?.flood === false)
    return stop(
      'fdb-missing',
      `${link.ifname} does not know ${frame.mac}, and port ${out} gets no frames for unknown addresses`,
    )
  if (from !== undefined && from.link.ifname === out && settings?.hairpin !== true)
    return stop('hairpin-off', `the packet goes back by the port it came from, ${out}, and hairpin is off there`)
  if (settings?.isolated === true && from?.link.linkinfo?.info_slave_data?.isolated === true)
    return block('port-isolated', `ports ${from.link.ifname} and ${out} are isolated from each other`)
  const down = portDown(target)
  if (down !== undefined) {
    // What the bridge does not know goes out by every other port, where nobody wants it: rules see it all the same.
    if (known === undefined && from !== undefined && callsNetfilter(namespace, packet) && floods(leads, target, from))
      walk.passUnseen(namespace, ['forward', 'postrouting'])
    return block('port-down', down)
  }
  if (packet.bytes > target.link.mtu)
    return stop(
      'mtu',
      `the packet has ${packet.bytes} bytes, port ${out} takes ${target.link.mtu}: dropped without a word`,
    )
  if (from !== undefined && callsNetfilter(namespace, packet)) {
    const devices = { physicalIn: from.link.ifname, physicalOut: out }
    const end =
      pass(walk, namespace, 'forward', packet, { iif: link.ifname, oif: link.ifname, ...devices }) ??
      pass(walk, namespace, 'postrouting', packet, { oif: link.ifname, ...devices })
    if (end !== undefined) return end
  }
  walk.note(namespace, 'bridge', `goes out by port ${out} of ${link.ifname}`, packet, {
    device: out,
    mtu: target.link.mtu,
  })
  const wrong = frame.wrong ?? misled(entry?.ifname, actual, frame)
  const peer = walk.world.peerOf(target)
  const mac = frame.mac.startsWith('address of') ? (peer?.link.address ?? '') : frame.mac
  const next = { ...frame, mac, ...(wrong !== undefined && { wrong }) }
  return peer === undefined ? () => overWire(walk, target, next) : () => cross(walk, peer, next)
}

/** Whether a frame for an unknown address leaves by another port; with hairpin, also by the one that it came in by. */
function floods(leads: readonly Port[], target: Port, from: Port): boolean {
  return leads.some((lead) => {
    const { flood, hairpin } = lead.link.linkinfo?.info_slave_data ?? {}
    const isBack = lead.link.ifname === from.link.ifname
    return lead !== target && flood !== false && portDown(lead) === undefined && (!isBack || hairpin === true)
  })
}

function misled(known: string | undefined, actual: Port | undefined, { mac }: Frame): Frame['wrong'] {
  if (known === undefined || actual === undefined || known === actual.link.ifname) return undefined
  return {
    cause: 'fdb-wrong',
    text: `the bridge's table leads ${mac} to port ${known}, but it is behind ${actual.link.ifname}`,
  }
}

/** Over the network between the nodes, of which only its ends are known. */
function overWire(walk: Walk, port: Port, frame: Frame): Position | End {
  const { namespace, link } = port
  const { packet, mac, wrong, nextHop } = frame
  const target = walk.world.namespaces
    .filter((each) => each.place.pod === undefined && each !== namespace)
    .flatMap((each) => each.state.links.map((own) => ({ namespace: each, link: own })))
    .find(({ link: own }) => own.address === mac && mac !== '' && kindOf(own) !== 'vxlan')
  if (target !== undefined) return () => cross(walk, entryOf(walk, target), frame)
  if (wrong !== undefined) return walk.drop(namespace, wrong.cause, wrong.text, packet, link.ifname, 'neighbour')
  const beyond = nextHop === packet.destination ? undefined : findBeyond(walk, namespace, packet)
  if (beyond !== undefined) {
    const text = `goes by ${nextHop}, a router outside the cluster, to ${beyond.namespace.name}`
    walk.note(namespace, 'link', text, packet, { device: link.ifname })
    return () => cross(walk, entryOf(walk, beyond), { ...frame, mac: beyond.link.address ?? '' })
  }
  if (packet.inner !== undefined) {
    const { cause, text } = packet.inner.wrong ?? {
      cause: 'fdb-wrong',
      text: `the tunnel leads to ${packet.destination}, which is no node of the cluster`,
    }
    return walk.drop(namespace, cause, text, packet, link.ifname, 'tunnel')
  }
  walk.last = { packet, namespace, exit: port }
  if (walk.answer !== undefined && walk.answer.namespace === undefined)
    return leaveAsAnswer(walk, namespace, packet, link.ifname)
  const to = nextHop === packet.destination ? '' : ` by ${nextHop}`
  return walk.end(namespace, 'left', 'none', `leaves the cluster by ${link.ifname}${to}`, packet, {
    step: 'link',
    device: link.ifname,
  })
}

/** Where frames from the wire come in: a bridge's address is behind its port there. */
function entryOf({ world }: Walk, { namespace, link }: Port): Port {
  if (kindOf(link) !== 'bridge') return { namespace, link }
  const port = namespace.ports(link.ifname).find((each) => world.peerOf({ namespace, link: each }) === undefined)
  return { namespace, link: port ?? link }
}

/** The node that routers between the nodes lead to: they know nodes' addresses, of pods nothing. */
function findBeyond({ world }: Walk, from: Namespace, { destination }: Packet): Port | undefined {
  for (const namespace of world.ownersOf(destination)) {
    const link = namespace.linkOf(destination)
    if (namespace !== from && namespace.place.pod === undefined && link !== undefined) return { namespace, link }
  }
  return undefined
}

/** An answer to somebody outside is right when it looks as he expects it. */
function leaveAsAnswer(walk: Walk, namespace: Namespace, packet: Packet, device: string): End {
  const tuple = walk.answer?.tuple
  const isExpected =
    tuple !== undefined && isSame(tuple.source, packet.source) && tuple.sourcePort === packet.sourcePort
  if (isExpected)
    return walk.end(namespace, 'left', 'none', `the answer leaves by ${device}`, packet, { step: 'link', device })
  const text = `the answer leaves with the source ${packet.source}, but ${tuple?.source} was asked`
  return walk.drop(namespace, 'reply-source', text, packet, device, 'link')
}

function encapsulate(walk: Walk, { namespace, link }: Port, frame: Frame): Position | End {
  const { packet, mac } = frame
  const { id, port = 4789, local } = link.linkinfo?.info_data ?? {}
  const entries = namespace.state.fdb.filter(({ ifname, dst }) => ifname === link.ifname && dst !== undefined)
  const entry = entries.find((each) => each.mac === mac) ?? entries.find((each) => /^(00:){5}00$/.test(each.mac))
  if (entry?.dst === undefined) {
    const text = `${link.ifname} knows no tunnel end for ${mac} (bridge fdb show dev ${link.ifname})`
    return walk.drop(namespace, 'fdb-missing', text, packet, link.ifname, 'tunnel')
  }
  const owner = walk.world.namespaces.find((each) =>
    each.state.links.some((own) => kindOf(own) === 'vxlan' && own.address === mac),
  )
  const isRight = owner === undefined || owner.linkOf(entry.dst) !== undefined
  const wrong =
    frame.wrong ??
    (isRight
      ? undefined
      : {
          cause: 'fdb-wrong' as const,
          text: `${link.ifname} sends ${mac} to ${entry.dst}, but it is on ${owner?.name}`,
        })
  const inner: Frame = { ...frame, ...(wrong !== undefined && { wrong }), ...(id !== undefined && { vni: id }) }
  const family = entry.dst.includes(':') ? 'ipv6' : 'ipv4'
  const outer: Packet = {
    family,
    protocol: 'udp',
    source: local ?? '',
    destination: entry.dst,
    sourcePort: tunnelSourcePort,
    port,
    bytes: packet.bytes + tunnelBytes[family],
    mark: 0,
    inner,
  }
  walk.note(namespace, 'tunnel', `VXLAN ${id}: packed for ${entry.dst}`, outer, { device: link.ifname, mtu: link.mtu })
  return () => send(walk, namespace, outer)
}

/** A packet of a tunnel has arrived: what it carries comes in by the VXLAN device of that network. */
export function openTunnel(walk: Walk, namespace: Namespace, outer: Packet, frame: Frame): Position | End {
  const device = namespace.state.links.find(
    (link) =>
      kindOf(link) === 'vxlan' &&
      link.linkinfo?.info_data?.id === frame.vni &&
      link.linkinfo?.info_data?.port === outer.port,
  )
  if (device === undefined || !isUp(device)) {
    const text =
      device === undefined
        ? `${namespace.name} has no VXLAN device for network ${frame.vni} on port ${outer.port}`
        : `${device.ifname} is down`
    return walk.drop(namespace, device === undefined ? 'no-tunnel' : 'link-down', text, outer, device?.ifname, 'tunnel')
  }
  delete frame.packet.tracked
  frame.packet.mark = 0
  walk.note(namespace, 'tunnel', `VXLAN ${frame.vni}: unpacked`, frame.packet, {
    device: device.ifname,
    mtu: device.mtu,
  })
  return () => takeFrame(walk, { namespace, link: device }, frame)
}
