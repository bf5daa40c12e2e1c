// This node's end of all encrypted tunnels: one WireGuard device, a peer for every other node. A peer's allowed addresses are the
// pod ranges and addresses of its Node, so that what comes out of a tunnel can only be from its pods or itself. Each agent makes
// a key of its own and writes the public half on its Node.

import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto'
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import type { Difference } from '../../api/net/difference.ts'
import { listLinks } from '../../cni/linux/ip.ts'
import { readWireguard, type WireguardPeer, writeWireguard } from '../../cni/linux/wireguard.ts'
import type { Uplink } from './plan.ts'
import type { Repair } from './repair.ts'
import { addAddress, compareDevice, extraDevice, type TunnelDevice, tunnelAddresses } from './tunnel-device.ts'

export const wireguardName = 'fairlead-wg'
/** The number of WireGuard's own examples, which firewalls' presets know. */
const port = 51_820

export interface WireguardKey {
  /** Where the private half is. */
  file: string
  /** The public half, in base64. */
  publicKey: string
}

/** Another node. */
export interface Peer extends WireguardPeer {
  owner: string
}

/** Makes this node's key at its first start; one that is there stays. Throws when the file is no such key. */
export function ensureWireguardKey(file: string): WireguardKey {
  const text = readIfThere(file)
  const key = text === undefined ? generateKeyPairSync('x25519').privateKey : parseKey(file, text)
  if (text === undefined) {
    mkdirSync(dirname(file), { recursive: true, mode: 0o700 })
    writeFileSync(`${file}.tmp`, `${rawKey(key, 'd')}\n`, { mode: 0o600 })
    renameSync(`${file}.tmp`, file)
  }
  return { file, publicKey: rawKey(key, 'x') }
}

function readIfThere(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8').trim()
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined
    throw error
  }
}

/** PKCS #8 of X25519 is this prefix and the 32 bytes of the key (RFC 8410). */
const pkcs8Prefix = Buffer.from('302e020100300506032b656e04220420', 'hex')

function parseKey(file: string, text: string): KeyObject {
  const raw = Buffer.from(text, 'base64')
  if (raw.length !== 32)
    throw new Error(`${file} has no WireGuard key: 32 bytes in base64; without it a new one is made`)
  return createPrivateKey({ key: Buffer.concat([pkcs8Prefix, raw]), format: 'der', type: 'pkcs8' })
}

/** A half of the key as wg(8) writes it. */
function rawKey(key: KeyObject, half: 'd' | 'x'): string {
  const { [half]: value = '' } =
    half === 'd' ? key.export({ format: 'jwk' }) : createPublicKey(key).export({ format: 'jwk' })
  return Buffer.from(value, 'base64url').toString('base64')
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
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`
}

/** What must change so that device and peers are as wanted, or the device gone when none is. */
export async function compareWireguard(
  wanted: TunnelDevice | undefined,
  peers: readonly Peer[],
  key: WireguardKey | undefined,
  owner: string,
): Promise<Repair[]> {
  const [existing] = await listLinks({}, ['dev', wireguardName])
  const isOurs = existing?.linkinfo?.info_kind === 'wireguard'
  if (wanted === undefined || key === undefined) return isOurs ? [extraDevice(wireguardName, owner)] : []
  if (existing === undefined) return creation(wanted, peers, key, owner)
  return [...compareDevice(wanted, existing, owner), ...(await compareKey(key, owner)), ...(await comparePeers(peers))]
}

function creation(
  { mtu, addresses }: TunnelDevice,
  peers: readonly Peer[],
  key: WireguardKey,
  owner: string,
): Repair[] {
  const difference: Difference = { kind: 'link', name: wireguardName, state: 'missing', owner }
  return [
    { differences: [difference], ip: [`link add ${wireguardName} mtu ${mtu} type wireguard`] },
    {
      differences: peers.map((peer) => differenceOf(peer, 'missing')),
      act: () => writeWireguard(wireguardName, { privateKeyFile: key.file, listenPort: port, peers }),
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

async function compareKey(key: WireguardKey, owner: string): Promise<Repair[]> {
  const { publicKey, listenPort } = await readWireguard(wireguardName)
  if (publicKey === key.publicKey && listenPort === port) return []
  const detail = `listens at ${listenPort} with the public key ${publicKey}, wanted ${port} and ${key.publicKey}`
  return [
    {
      differences: [{ kind: 'link', name: wireguardName, state: 'different', owner, detail }],
      act: () => writeWireguard(wireguardName, { privateKeyFile: key.file, listenPort: port }),
    },
  ]
}

async function comparePeers(wanted: readonly Peer[]): Promise<Repair[]> {
  const { peers } = await readWireguard(wireguardName)
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
