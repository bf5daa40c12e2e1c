// What a hop is asked to see, in the language of pcap-filter(7). Pure. A pod's own links carry nothing but its packets; on links
// of the node they are told by addresses, and behind a tunnel's outer header by their place in it.

import ipaddr from 'ipaddr.js'
import { type CaptureHop, captureLimits } from '../../../api/net/capture.ts'

/** Whose packets are wanted; nothing given: everybody's. */
export interface Scope {
  addresses: readonly string[]
  /** Of a Service: its own, its pods' and its node ports. */
  ports: readonly number[]
}

/**
 * The filter for one hop; `user` is the person's own, "" for none. Where the addresses are too many to be named in a filter of that
 * length, everybody's packets of those ports are seen, and all that is in the tunnel.
 */
export function planFilter(
  hop: CaptureHop,
  scope: Scope,
  user: string,
  tunnelPort: number | undefined,
  longest = captureLimits.filterLength,
): string {
  const filter = writeFilter(hop, scope, user, tunnelPort)
  if (filter.length <= longest || scope.addresses.length === 0) return filter
  const wider = writeFilter(hop, { ...scope, addresses: [] }, user, undefined)
  const isOuter = hop.role === 'uplink' && tunnelPort !== undefined && wider !== ''
  return isOuter ? `(${wider}) or (udp port ${tunnelPort})` : wider
}

function writeFilter(hop: CaptureHop, scope: Scope, user: string, tunnelPort: number | undefined): string {
  const isPods = hop.role === 'pod' || hop.role === 'port'
  const wanted = all([isPods ? '' : anyHost(scope.addresses), anyPort(scope.ports), user])
  const isOuter = hop.role === 'uplink' && tunnelPort !== undefined && scope.addresses.length > 0
  return isOuter
    ? `(${wanted}) or (udp port ${tunnelPort} and (${scope.addresses.map(isInside).join(' or ')}))`
    : wanted
}

function anyHost(addresses: readonly string[]): string {
  return addresses.map((address) => `host ${address}`).join(' or ')
}

/** Errors about a connection have no ports. */
function anyPort(ports: readonly number[]): string {
  return ports.length === 0 ? '' : [...ports.map((port) => `port ${port}`), 'icmp', 'icmp6'].join(' or ')
}

function all(conditions: readonly string[]): string {
  const given = conditions.filter((condition) => condition !== '')
  return given.length < 2 ? (given[0] ?? '') : given.map((condition) => `(${condition})`).join(' and ')
}

/** UDP, VXLAN and Ethernet have 8, 8 and 14 bytes: the inner IP header begins at 30 (RFC 7348, section 5). */
const innerStart = 30

/** Whether the inner packet of a tunnel is from or for the address. */
function isInside(address: string): string {
  const bytes = ipaddr.parse(address).toByteArray()
  const words = Array.from({ length: bytes.length / 4 }, (_, at) =>
    Buffer.from(bytes.slice(at * 4, at * 4 + 4)).toString('hex'),
  )
  const starts = bytes.length === 4 ? [12, 16] : [8, 24]
  return starts
    .map((start) => words.map((word, at) => `udp[${innerStart + start + at * 4}:4] = 0x${word}`).join(' and '))
    .map((match) => `(${match})`)
    .join(' or ')
}
