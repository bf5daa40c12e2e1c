// Below IP: veth pairs, VXLAN, and the network between the nodes.

import type { Cause, End } from '../../../api/net/trace.ts'
import { isSame } from './address.ts'
import { bridgeIn, bridgeOut } from './bridge.ts'
import { receive, send } from './host.ts'
import type { Packet } from './packet.ts'
import type { Position, Walk } from './walk.ts'
import { type Seal, seal, unseal } from './wireguard.ts'
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
  /** In a tunnel of WireGuard. */
  sealed?: Seal
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
  if (kindOf(link) === 'wireguard') return () => seal(walk, port, frame)
  if (!hasCarrier(link)) return downEnd(walk, port, frame, 'has no carrier: its other end is down')
  const peer = walk.world.peerOf(port)
  return peer === undefined ? () => overWire(walk, port, frame) : () => cross(walk, peer, frame)
}

/** A link that is down ends the way. */
export function downEnd(walk: Walk, { namespace, link }: Port, { packet }: Frame, why: string): End {
  return walk.block(namespace, 'link-down', `${link.ifname} ${why}`, packet, link.ifname, 'link')
}

/** Into another namespace: nothing of what the old one knew of the packet goes along. */
export function cross(walk: Walk, peer: Port, frame: Frame): Position | End {
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

/** Over the network between the nodes, of which only its ends are known. */
export function overWire(walk: Walk, port: Port, frame: Frame): Position | End {
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

/** A packet of a tunnel has arrived: what it carries comes in by the device of that tunnel. */
export function openTunnel(walk: Walk, namespace: Namespace, outer: Packet, frame: Frame): Position | End {
  if (frame.sealed !== undefined) return unseal(walk, namespace, outer, frame, frame.sealed)
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
