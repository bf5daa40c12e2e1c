// WireGuard: which peer a packet is sealed for, and whether the other side takes it. A peer gets what is for its allowed addresses,
// and is believed to send what comes from them (cryptokey routing).

import type { WireguardState } from '../../../api/net/state.ts'
import type { End } from '../../../api/net/trace.ts'
import { familyOf } from '../../../api/objects/addresses.ts'
import { isWithin } from './address.ts'
import { type Frame, takeFrame } from './frames.ts'
import { send } from './host.ts'
import type { Packet } from './packet.ts'
import type { Position, Walk } from './walk.ts'
import { isUp, kindOf, type Namespace, type Port } from './world.ts'

/** By whom and for whom a packet is sealed: public keys. */
export interface Seal {
  by: string
  to: string
}

/** Header and tag 32, UDP 8, and IP. */
const tunnelBytes = { ipv4: 60, ipv6: 80 }

/** Packs a packet for the peer that has its destination, and sends it there. */
export function seal(walk: Walk, { namespace, link }: Port, frame: Frame): Position | End {
  const { packet } = frame
  const device = deviceOf(namespace, link.ifname)
  const peer = device && ownerOf(device, packet.destination)
  if (device === undefined || peer === undefined || peer.endpoint === '') {
    const why = peer === undefined ? `has no peer with ${packet.destination}` : 'does not know where its peer is'
    const text = `${link.ifname} ${why} (wg show ${link.ifname} allowed-ips): the sender is told at once`
    return walk.end(namespace, 'refused', 'peer-missing', text, packet, { step: 'tunnel', device: link.ifname })
  }
  const outer = pack(namespace, device, peer.endpoint, frame, { by: device.publicKey, to: peer.publicKey })
  walk.note(namespace, 'tunnel', `WireGuard: sealed for ${peer.endpoint}`, outer, {
    device: link.ifname,
    mtu: link.mtu,
  })
  return () => send(walk, namespace, outer)
}

function pack(
  namespace: Namespace,
  { listenPort }: WireguardState,
  endpoint: string,
  frame: Frame,
  sealed: Seal,
): Packet {
  const at = endpoint.lastIndexOf(':')
  const destination = endpoint.slice(0, at).replaceAll(/[[\]]/g, '')
  const family = familyOf(destination)
  const { device } = namespace.route({ family, destination, mark: 0 })
  return {
    family,
    protocol: 'udp',
    source: namespace.addressOf(device, family) ?? '',
    destination,
    sourcePort: listenPort,
    port: Number(endpoint.slice(at + 1)),
    bytes: frame.packet.bytes + tunnelBytes[family],
    mark: 0,
    inner: { ...frame, sealed },
  }
}

/** A sealed packet has arrived: the device that listens there takes it if it is for its key, and from one of its peers. */
export function unseal(walk: Walk, namespace: Namespace, outer: Packet, frame: Frame, sealed: Seal): Position | End {
  const link = namespace.state.links.find(
    (each) => kindOf(each) === 'wireguard' && deviceOf(namespace, each.ifname)?.listenPort === outer.port,
  )
  if (link === undefined || !isUp(link)) {
    const text =
      link === undefined ? `${namespace.name} has no WireGuard at port ${outer.port}` : `${link.ifname} is down`
    return walk.drop(namespace, link === undefined ? 'no-tunnel' : 'link-down', text, outer, link?.ifname, 'tunnel')
  }
  const refusal = refuse(deviceOf(namespace, link.ifname), frame.packet.source, sealed)
  if (refusal !== undefined) {
    const text = `${link.ifname} of ${namespace.name} ${refusal}`
    return walk.drop(namespace, 'peer-wrong', text, outer, link.ifname, 'tunnel')
  }
  delete frame.packet.tracked
  frame.packet.mark = 0
  walk.note(namespace, 'tunnel', 'WireGuard: opened', frame.packet, { device: link.ifname, mtu: link.mtu })
  return () => takeFrame(walk, { namespace, link }, { ...frame, mac: '' })
}

function refuse(device: WireguardState | undefined, source: string, { by, to }: Seal): string | undefined {
  if (device?.publicKey !== to)
    return `has another key than the sender thinks (wg show, public key ${device?.publicKey})`
  if (!device.peers.some(({ publicKey }) => publicKey === by)) return `knows no peer with the sender's key ${by}`
  const owner = ownerOf(device, source)
  if (owner?.publicKey === by) return undefined
  const whose = owner === undefined ? 'of no peer' : `of its peer ${owner.publicKey}`
  return `does not believe its peer ${by} that a packet is from ${source}, an address ${whose} (wg show, allowed ips)`
}

/** The peer that an address belongs to: of the ranges of all peers the longest decides, for both directions. */
function ownerOf({ peers }: WireguardState, address: string): WireguardState['peers'][number] | undefined {
  return peers
    .flatMap((peer) => peer.allowedIps.map((range) => ({ peer, range })))
    .filter(({ range }) => isWithin(address, range))
    .sort((a, b) => lengthOf(b.range) - lengthOf(a.range))[0]?.peer
}

function deviceOf({ state }: Namespace, name: string): WireguardState | undefined {
  return state.wireguard[name]
}

function lengthOf(range: string): number {
  return Number(range.split('/')[1])
}
