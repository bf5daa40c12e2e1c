// From an IP address on a link to the hardware address of who has it: the kernel's entry, or the answer that asking would bring.

import type { End } from '../../../api/net/trace.ts'
import { isSame } from './address.ts'
import { type Frame, transmit } from './frames.ts'
import type { Packet } from './packet.ts'
import type { Position, Walk } from './walk.ts'
import { isUp, isWire, kindOf, type Namespace, type Port } from './world.ts'

const loopback = '00:00:00:00:00:00'

/** Finds the hardware address of the next hop and sends the frame. */
export function resolve(
  walk: Walk,
  namespace: Namespace,
  packet: Packet,
  device: string,
  nextHop: string,
  mtu: number,
): Position | End {
  const link = namespace.link(device)
  if (link === undefined || !isUp(link)) {
    const text = link === undefined ? `there is no device ${device}` : `${device} is down`
    return walk.drop(namespace, 'link-down', text, packet, device, 'link')
  }
  const port = { namespace, link }
  const found = findAddress(walk, port, packet, nextHop)
  if ('outcome' in found) return found
  const { mac, text, wrong, isAsked } = found
  if (isAsked === true) walk.awaited = { nextHop, hooks: walk.hooks.length }
  walk.note(namespace, 'neighbour', text, packet, { device, mtu })
  return () => transmit(walk, port, { packet, mac, nextHop, ...(wrong !== undefined && { wrong }) })
}

interface Found {
  mac: string
  text: string
  wrong?: Frame['wrong']
  /** The kernel does not know it yet. */
  isAsked?: boolean
}

function findAddress(walk: Walk, port: Port, packet: Packet, nextHop: string): Found | End {
  const { namespace, link } = port
  if (link.flags.includes('LOOPBACK')) return { mac: loopback, text: 'by loopback' }
  if (kindOf(link) === 'wireguard') return { mac: '', text: `${link.ifname} has peers and no neighbours` }
  const entry = namespace.state.neighbours.find(({ dev, dst }) => dev === link.ifname && isSame(dst, nextHop))
  const owners = findOwners(walk, port, nextHop)
  if (owners.length > 1) {
    const names = owners.map((owner) => `${owner.namespace.name} (${owner.link.address})`)
    walk.warn(
      'address-duplicate',
      `${nextHop} is there more than once on ${link.ifname}: ${names.join(' and ')} have it`,
    )
  }
  const state = entry?.state.join(',') ?? ''
  if (entry?.lladdr !== undefined && !/FAILED|INCOMPLETE/.test(state))
    return useEntry(entry.lladdr, state, nextHop, owners)
  const answering = owners.filter(({ link: own }) => !own.flags.includes('NOARP'))
  const answer = answering.length > 1 ? answering[walk.choose(answering.length)] : answering[0]
  if (answer?.link.address !== undefined)
    return {
      mac: answer.link.address,
      text: `${nextHop} is at ${answer.link.address}, once it is asked for`,
      isAsked: true,
    }
  const [silent] = owners
  if (silent !== undefined) {
    const text = `${silent.namespace.name} has ${nextHop} but answers no ARP on ${silent.link.ifname} (NOARP)`
    return walk.drop(namespace, 'arp-off', text, packet, link.ifname, 'neighbour')
  }
  if (isWire(link) && walk.world.peerOf(port) === undefined && entry === undefined)
    return { mac: '', text: `${nextHop} is on the network of ${link.ifname}, outside the cluster's nodes` }
  const down = walk.world
    .hearersOf(port)
    .find(({ namespace: other, link: own }) => !isUp(own) && other.linkOf(nextHop) === own)
  if (down !== undefined) {
    const text = `${nextHop} does not answer: ${down.link.ifname} of ${down.namespace.name} is down`
    return walk.drop(namespace, 'link-down', text, packet, link.ifname, 'neighbour')
  }
  const [elsewhere] = walk.world.ownersOf(nextHop)
  if (elsewhere !== undefined && nextHop === packet.destination && elsewhere.place.node !== namespace.place.node) {
    const text = `the route leads to ${link.ifname}, but ${nextHop} is ${elsewhere.name} on ${elsewhere.place.node}`
    return walk.drop(namespace, 'route-wrong', text, packet, link.ifname, 'neighbour')
  }
  // Whoever is behind a tunnel is known by entries that somebody wrote: asking reaches nobody.
  const isLost = state !== '' || kindOf(link) === 'vxlan'
  const text = `nobody on ${link.ifname} answers for ${nextHop}${isLost ? ` (neighbour ${state || 'not known'})` : ''}`
  return walk.drop(namespace, isLost ? 'neighbour-failed' : 'address-missing', text, packet, link.ifname, 'neighbour')
}

function useEntry(mac: string, state: string, nextHop: string, owners: Port[]): Found {
  const text = `${nextHop} is at ${mac} (${state})`
  const own = owners[0]?.link.address
  if (own === undefined || owners.some(({ link }) => link.address === mac)) return { mac, text }
  const wrong = {
    cause: 'neighbour-wrong' as const,
    text: `the neighbour entry of ${nextHop} says ${mac} (${state}), but ${nextHop} is at ${own}`,
  }
  return { mac, text, wrong }
}

/** Who on the link has the address. */
function findOwners(walk: Walk, port: Port, nextHop: string): Port[] {
  const hearers = walk.world.hearersOf(port)
  const owners = hearers.filter(({ namespace, link }) => {
    if (!isUp(link)) return false
    const own = namespace.linkOf(nextHop)
    return own !== undefined && (own.ifname === link.ifname || namespace.place.pod === undefined)
  })
  // Any link of a host answers for all its addresses; the one that has it is the plain answer.
  return [...new Map(owners.map((owner) => [owner.namespace, owner])).values()]
}
