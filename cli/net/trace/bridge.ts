// Bridges: ports, forwarding tables, and the hooks of netfilter that bridged packets pass (br_netfilter).

import type { Cause, End } from '../../../api/net/trace.ts'
import { isSame } from './address.ts'
import { cross, downEnd, type Frame, overWire } from './frames.ts'
import { pass, receive } from './host.ts'
import type { Packet } from './packet.ts'
import type { Position, Walk } from './walk.ts'
import { hasCarrier, isUp, type Namespace, type Port } from './world.ts'

/** A frame comes in by a port of a bridge. */
export function bridgeIn(walk: Walk, port: Port, bridge: Port, frame: Frame): Position | End {
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
export function bridgeOut(walk: Walk, bridge: Port, from: Port | undefined, frame: Frame): Position | End {
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
