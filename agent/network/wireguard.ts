// This node's end of all encrypted tunnels: one WireGuard device, a peer for every other node. A peer's allowed addresses are the
// pod ranges and addresses of its Node, so that what comes out of a tunnel can only be from its pods or itself.

import type { Difference } from '../../api/net/difference.ts'
import { type Link, listLinks } from '../../cni/linux/ip.ts'
import { readWireguard, type WireguardDevice, type WireguardPeer, writeWireguard } from '../../cni/linux/wireguard.ts'
import type { Uplink } from './plan.ts'
import type { Repair } from './repair.ts'
import { addAddress, compareDevice, extraDevice, type TunnelDevice, tunnelAddresses } from './tunnel-device.ts'
import type { WireguardKey } from './wireguard-key.ts'

export const wireguardName = 'fairlead-wg'
/** The number of WireGuard's own examples, which firewalls' presets know. */
export const wireguardPort = 51_820

/** Another node. */
export interface Peer extends WireguardPeer {
  owner: string
}

/** Bytes that WireGuard puts around a pod's packet: header and tag 32, UDP 8, and IPv4's 20 or IPv6's 40. */
export function wireguardOverhead(underlay: string): number {
  return underlay.includes(':') ? 80 : 60
}

/** This node's device. Pure. */
export function planWireguard(ranges: readonly string[], mtu: number): TunnelDevice {
  return { name: wireguardName, mtu, addresses: tunnelAddresses(ranges) }
}

/** Where a node listens. */
export function endpointOf({ address }: Pick<Uplink, 'address'>): string {
  return address.includes(':') ? `[${address}]:${wireguardPort}` : `${address}:${wireguardPort}`
}

/** What must change so that device and peers are as wanted, or the device gone when none is. */
export async function compareWireguard(
  wanted: TunnelDevice | undefined,
  peers: readonly Peer[],
  key: WireguardKey | undefined,
  owner: string,
): Promise<Repair[]> {
  const [existing] = await listLinks({}, ['dev', wireguardName])
  const isTunnel = existing?.linkinfo?.info_kind === 'wireguard'
  if (wanted === undefined || key === undefined) return isTunnel ? [extraDevice(wireguardName, owner)] : []
  if (existing === undefined || !isTunnel) return creation(wanted, existing, peers, key, owner)
  const device = await readWireguard(wireguardName)
  return [
    ...compareDevice(wanted, existing, owner),
    ...compareKey(key, device, owner),
    ...comparePeers(peers, device.peers),
  ]
}

function creation(
  { mtu, addresses }: TunnelDevice,
  existing: Link | undefined,
  peers: readonly Peer[],
  key: WireguardKey,
  owner: string,
): Repair[] {
  const difference: Difference = { kind: 'link', name: wireguardName, state: existing ? 'different' : 'missing', owner }
  return [
    {
      differences: [difference],
      ip: [
        ...(existing === undefined ? [] : [`link delete ${wireguardName}`]),
        `link add ${wireguardName} mtu ${mtu} type wireguard`,
      ],
    },
    {
      differences: peers.map((peer) => differenceOf(peer, 'missing')),
      act: () => writeWireguard(wireguardName, { privateKeyFile: key.file, listenPort: wireguardPort, peers }),
    },
    {
      differences: [],
      ip: [
        `link set ${wireguardName} addrgenmode none up`,
        ...addresses.map((address) => addAddress(wireguardName, address)),
      ],
    },
  ]
}

function compareKey(key: WireguardKey, { publicKey, listenPort }: WireguardDevice, owner: string): Repair[] {
  if (publicKey === key.publicKey && listenPort === wireguardPort) return []
  const detail = `listens at ${listenPort} with the public key ${publicKey}, wanted ${wireguardPort} and ${key.publicKey}`
  return [
    {
      differences: [{ kind: 'link', name: wireguardName, state: 'different', owner, detail }],
      act: () => writeWireguard(wireguardName, { privateKeyFile: key.file, listenPort: wireguardPort }),
    },
  ]
}

function comparePeers(wanted: readonly Peer[], peers: readonly WireguardPeer[]): Repair[] {
  const present = new Map(peers.map((peer) => [peer.publicKey, peer]))
  const keys = new Set(wanted.map(({ publicKey }) => publicKey))
  const removed = peers.filter(({ publicKey }) => !keys.has(publicKey))
  const changed = wanted.filter((peer) => !isSamePeer(peer, present.get(peer.publicKey)))
  if (removed.length === 0 && changed.length === 0) return []
  return [
    {
      differences: [
        ...removed.map((peer) => differenceOf({ ...peer, owner: 'a node that is gone' }, 'extra')),
        ...changed.map((peer) => differenceOf(peer, present.has(peer.publicKey) ? 'different' : 'missing')),
      ],
      act: () => writeWireguard(wireguardName, { peers: changed, removed: removed.map(({ publicKey }) => publicKey) }),
    },
  ]
}

function isSamePeer(wanted: Peer, actual: WireguardPeer | undefined): boolean {
  const sorted = (peer: WireguardPeer) => peer.allowedIps.toSorted().join()
  return actual !== undefined && actual.endpoint === wanted.endpoint && sorted(actual) === sorted(wanted)
}

function differenceOf({ publicKey, endpoint, allowedIps, owner }: Peer, state: Difference['state']): Difference {
  return { kind: 'neighbour', name: `peer ${publicKey} at ${endpoint} for ${allowedIps.join(', ')}`, state, owner }
}
