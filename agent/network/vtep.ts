// This node's end of all tunnels: one VXLAN device (RFC 7348), with which nothing is flooded and nothing learned. Every
// other node behind a router has three entries here, written from its Node object: a route to its pods by the range's own
// address, that address's neighbour entry, and the forwarding entry from the neighbour's hardware address to the node.
//
// A node's hardware address on the VXLAN network follows from its IP address, so nobody has to be told of it.

import { createHash } from 'node:crypto'
import ipaddr from 'ipaddr.js'
import type { Difference } from '../../api/net/difference.ts'
import { listFdb } from '../../cni/linux/bridge.ts'
import { type Link, listLinks, listPermanentNeighbours } from '../../cni/linux/ip.ts'
import type { Uplink } from './plan.ts'
import type { Repair } from './repair.ts'
import { addAddress, compareDevice, extraDevice, type TunnelDevice, tunnelAddresses } from './tunnel-device.ts'

/** Named as flannel names its own: program and VNI. */
export const vtepName = 'fairlead.1'
const vni = 1
/** IANA's number for VXLAN: tcpdump and Wireshark read it without being told, and flannel's 8472 stays free for flannel. */
export const vxlanPort = 4789

export interface Vtep extends TunnelDevice {
  mac: string
  /** This node's address below the tunnels. */
  local: string
  dev?: string
}

/** Another node, reached through a tunnel. */
export interface Tunnel {
  owner: string
  /** Its address below the tunnels. */
  underlay: string
  mac: string
  /** Its ranges' own addresses, by which routes lead there. */
  gateways: string[]
}

/** This node's VTEP. Pure. */
export function planVtep({ address, link }: Uplink, ranges: readonly string[], mtu: number): Vtep {
  const device = { name: vtepName, mtu, addresses: tunnelAddresses(ranges) }
  return { ...device, mac: vtepMac(address), local: address, ...(link && { dev: link.dev }) }
}

/** Bytes that VXLAN puts before a pod's packet: Ethernet 14, VXLAN 8, UDP 8, and IPv4's 20 or IPv6's 40. */
export function tunnelOverhead(underlay: string): number {
  return underlay.includes(':') ? 70 : 50
}

/** 0a:59 and the address itself for IPv4; of an IPv6 address five bytes of its hash, as its last bytes alone are often alike. */
export function vtepMac(underlay: string): string {
  const bytes = ipaddr.parse(underlay).toByteArray()
  const hash = () => [0x0e, ...createHash('sha256').update(Uint8Array.from(bytes)).digest().subarray(0, 5)]
  return (bytes.length === 4 ? [0x0a, 0x59, ...bytes] : hash())
    .map((byte) => byte.toString(16).padStart(2, '0'))
    .join(':')
}

/** What must change so that the device is as wanted, or gone when none is. */
export async function compareVtep(
  wanted: Vtep | undefined,
  tunnels: readonly Tunnel[],
  owner: string,
): Promise<Repair[]> {
  const [existing] = await listLinks({}, ['dev', vtepName])
  if (wanted === undefined) return existing === undefined ? [] : [extraDevice(vtepName, owner)]
  if (existing === undefined || !isSameDevice(wanted, existing)) return creation(wanted, existing, tunnels, owner)
  return [...compareDevice(wanted, existing, owner), ...(await compareTunnels(tunnels))]
}

function creation(wanted: Vtep, existing: Link | undefined, tunnels: readonly Tunnel[], owner: string): Repair[] {
  const difference: Difference = { kind: 'link', name: vtepName, state: existing ? 'different' : 'missing', owner }
  const { mac, mtu, local, dev } = wanted
  // A zero checksum outside, as RFC 7348 wants it: a kernel or card that fills both checksums of a translated packet
  // inside a tunnel has got it wrong more than once (flannel turns the device's offload off for that).
  const checksum = local.includes(':') ? 'udp6zerocsumtx udp6zerocsumrx' : 'noudpcsum'
  const below = `id ${vni} local ${local}${dev === undefined ? '' : ` dev ${dev}`} dstport ${vxlanPort} nolearning ${checksum}`
  return [
    {
      differences: [difference],
      ip: [
        ...(existing === undefined ? [] : [`link delete ${vtepName}`]),
        `link add ${vtepName} address ${mac} mtu ${mtu} type vxlan ${below}`,
        `link set ${vtepName} addrgenmode none up`,
        ...wanted.addresses.map((each) => addAddress(vtepName, each)),
      ],
    },
    ...tunnels.flatMap((tunnel) => [
      missingFdb(tunnel),
      ...tunnel.gateways.map((each) => missingNeighbour(tunnel, each)),
    ]),
  ]
}

/** Whether it can stay; what else differs is set on it. */
function isSameDevice({ mac, local, dev }: Vtep, { address, linkinfo }: Link): boolean {
  const data = linkinfo?.info_data ?? {}
  return (
    address === mac &&
    data.id === vni &&
    data.port === vxlanPort &&
    data.learning === false &&
    (data.local ?? data.local6) === local &&
    data.link === dev
  )
}

async function compareTunnels(tunnels: readonly Tunnel[]): Promise<Repair[]> {
  const [fdb, neighbours] = await Promise.all([listFdb(vtepName), listPermanentNeighbours(vtepName)])
  const targets = new Map(fdb.map(({ mac, dst }) => [mac, dst]))
  const hardware = new Map(neighbours.map(({ dst, lladdr }) => [dst, lladdr]))
  const gateways = new Set(tunnels.flatMap((tunnel) => tunnel.gateways))
  const macs = new Set(tunnels.map(({ mac }) => mac))
  return [
    ...tunnels.filter(({ mac, underlay }) => targets.get(mac) !== underlay).map(missingFdb),
    ...tunnels.flatMap((tunnel) =>
      tunnel.gateways.filter((each) => hardware.get(each) !== tunnel.mac).map((each) => missingNeighbour(tunnel, each)),
    ),
    ...fdb.filter(({ mac }) => !macs.has(mac)).map(({ mac, dst }) => extraFdb(mac, dst)),
    ...neighbours.filter(({ dst }) => !gateways.has(dst)).map(({ dst, lladdr }) => extraNeighbour(dst, lladdr)),
  ]
}

function missingFdb({ mac, underlay, owner }: Tunnel): Repair {
  const entry = `${mac} dev ${vtepName} dst ${underlay}`
  const difference: Difference = { kind: 'fdb', name: entry, state: 'missing', owner }
  return { differences: [difference], bridge: [`fdb replace ${entry} self permanent`] }
}

function missingNeighbour({ mac, owner }: Tunnel, gateway: string): Repair {
  const entry = `${gateway} dev ${vtepName} lladdr ${mac}`
  const difference: Difference = { kind: 'neighbour', name: entry, state: 'missing', owner }
  return { differences: [difference], ip: [`neigh replace ${entry} nud permanent`] }
}

function extraFdb(mac: string, dst: string | undefined): Repair {
  const entry = `${mac} dev ${vtepName} dst ${dst}`
  const difference: Difference = { kind: 'fdb', name: entry, state: 'extra', owner: 'a node that is gone' }
  return { differences: [difference], bridge: [`fdb del ${entry} self`] }
}

function extraNeighbour(dst: string, lladdr: string | undefined): Repair {
  const name = `${dst} dev ${vtepName} lladdr ${lladdr}`
  const difference: Difference = { kind: 'neighbour', name, state: 'extra', owner: 'a node that is gone' }
  return { differences: [difference], ip: [`neigh del ${dst} dev ${vtepName}`] }
}
