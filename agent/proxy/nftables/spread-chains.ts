// Chains that spread connections over endpoints: one for each way of serving and number of endpoints, whatever Service it is.

import type { Family } from '../../../api/objects/addresses.ts'
import { words } from './words.ts'

/** What a chain of `spreadChain` does: how traffic comes in, over how many endpoints it spreads, and for how long clients stay. */
export interface Spread {
  way: 'internal' | 'external' | 'pods' | 'nodeport' | 'nodeport-pods'
  count: number
  /** Under externalTrafficPolicy Local: endpoints of this node, for all but pods and the node itself. */
  local?: number
  staySeconds: number | undefined
}

/** The name of the chain, from which its rules follow. */
export function spreadChain({ way, count, local, staySeconds }: Spread): string {
  const stay = staySeconds === undefined ? '' : `-stay-${staySeconds}s`
  return `${way}-${local === undefined ? '' : `local-${local}-of-`}${count}${stay}`
}

/** Chains that this one goes on to. */
export function nextChains({ way, count, local, staySeconds }: Spread): Spread[] {
  if (local === undefined || count === 0) return []
  return [
    { way, count, staySeconds },
    { way: way === 'nodeport' ? 'nodeport-pods' : 'pods', count, staySeconds },
  ]
}

const mark = 'meta mark set meta mark | 0x00004000'

/** The rules of a chain that spreads connections. Pods are what comes from these ranges. */
export function spreadRules(spread: Spread, family: Family, podRanges: readonly string[]): string[] {
  const { ip } = words[family]
  if (spread.local !== undefined) {
    const [all, pods] = nextChains(spread)
    return [
      ...(pods === undefined ? [] : fromPods(ip, podRanges, '').map((match) => `${match} goto ${spreadChain(pods)}`)),
      ...(all === undefined ? [] : [`fib saddr type local goto ${spreadChain(all)}`]),
      ...chooseRules(spread, family, 'local-', spread.local),
    ]
  }
  // Who is no pod gets its reply through this node again only when it sees the node as its client.
  const masquerade = { internal: fromPods(ip, podRanges, '!= ').map((match) => `${match} ${mark}`), external: [mark] }
  const before =
    spread.way === 'internal' ? masquerade.internal : spread.way.endsWith('pods') ? [] : masquerade.external
  return [...before, ...chooseRules(spread, family, '', spread.count)]
}

/** What matches packets of pods, or with "!= " of others; nothing where no range is known. */
export function fromPods(ip: string, podRanges: readonly string[], operator: '' | '!= '): string[] {
  if (podRanges.length === 0) return []
  return [`${ip} saddr ${operator}${podRanges.length === 1 ? podRanges[0] : `{ ${podRanges.join(', ')} }`}`]
}

const transports = 'meta l4proto { tcp, udp, sctp }'

function chooseRules({ way, staySeconds }: Spread, family: Family, prefix: '' | 'local-', count: number): string[] {
  if (count === 0) return []
  const { ip, any } = words[family]
  const address = `${ip} daddr${way.startsWith('nodeport') ? ` & ${any}` : ''}`
  const service = `${address} . meta l4proto . th dport`
  // The packet's priority, which routing and queueing set anew, carries the endpoint's number from one rule to the next: nft
  // has no lookup by the result of another, and cannot read back maps whose keys have a type that no field has.
  const choose = `meta priority set numgen random mod ${count} offset 1`
  const sendTo = (map: string) => `${transports} dnat ${ip} to ${service} . meta priority map @${prefix}${map}`
  if (staySeconds === undefined) return [choose, sendTo('endpoints')]
  // A client whose endpoint is gone falls through the first DNAT and is given a new one.
  const client = clientKey(family, address, way)
  const remember = `update @affinity { ${client} timeout ${toDuration(staySeconds)} : meta priority }`
  return [
    `meta priority set ${client} map @affinity ${remember}`,
    sendTo('sticky-endpoints'),
    choose,
    `meta priority set ${service} . meta priority map @${prefix}sticky-ids`,
    // An update of an element that exists keeps its old value.
    `delete @affinity { ${client} : meta priority }`,
    remember,
    sendTo('sticky-endpoints'),
  ]
}

/**
 * By what a client is remembered: its address and the door. nft 1.0 writes keys of at most 16 bytes from a packet, which two
 * IPv6 addresses exceed: there the key is a hash of 64 bits. Were two the same, a client might be given another endpoint, but
 * never one of another Service, as that has no such id.
 */
function clientKey(family: Family, address: string, way: Spread['way']): string {
  // The address comes first, as nft takes "&" nowhere else in a key.
  if (family === 'ipv4') return `${address} . ip saddr . meta l4proto . th dport`
  const client = `${way.startsWith('nodeport') ? '' : 'ip6 daddr . '}ip6 saddr . meta l4proto . th dport`
  return [1, 2].map((seed) => `jhash ${client} mod 4294967295 seed 0x${seed}`).join(' . ')
}

/** As nft prints it: 10800 is 3h. */
function toDuration(seconds: number): string {
  const parts: [number, string][] = [
    [Math.floor(seconds / 86_400), 'd'],
    [Math.floor(seconds / 3_600) % 24, 'h'],
    [Math.floor(seconds / 60) % 60, 'm'],
    [seconds % 60, 's'],
  ]
  return parts.flatMap(([value, unit]) => (value === 0 ? [] : [`${value}${unit}`])).join('')
}
