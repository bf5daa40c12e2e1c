// The nftables tables of Services: their sets, maps and chains, as text in the very form in which nft prints it, so that what
// the kernel holds can be compared with what is wanted.
//
// All that depends on a Service is an element of a set or map that every Service shares; there is no chain and no map per
// Service. nft reads the names of all chains and sets before it changes one element, and the kernel looks at every chain that
// a changed verdict may lead to: 20,000 of them make a change cost 200 ms, these 30 make it 10 (docs/proxy-nftables.md). A chain
// exists per way of serving and number of endpoints, as that number is part of its rule.
//
// Needs Linux 5.14 and nft 1.0.

import type { Family } from '../table.ts'

/** The words that differ between the two address families. */
interface Words {
  /** Family of the table, and of addresses in rules. */
  ip: 'ip' | 'ip6'
  type: string
  /** Stands for "any address of this node" in keys of node ports. */
  any: string
  loopback: string
}

const words: Record<Family, Words> = {
  ipv4: { ip: 'ip', type: 'ipv4_addr', any: '0.0.0.0', loopback: '127.0.0.0/8' },
  ipv6: { ip: 'ip6', type: 'ipv6_addr', any: '::', loopback: '::1' },
}

/** "ip kube-proxy" or "ip6 kube-proxy", as kube-proxy names them. */
export function tableName(family: Family): string {
  return `${words[family].ip} kube-proxy`
}

/** The address in keys that belong to a node port. */
export function anyAddress(family: Family): string {
  return words[family].any
}

/** A table with another comment, or none, is of another version of this file, and is written anew as a whole. */
export const layoutComment = 'Services, layout 2 of fairlead'

/** The sets and maps whose elements follow from Services. `local-` ones are for traffic from outside under the policy Local. */
const setNames = [
  'cluster-ips',
  'service-ips',
  'service-nodeports',
  'no-endpoint-services',
  'no-endpoint-nodeports',
  'firewall-ips',
  'source-ranges',
  'hairpin-connections',
  'endpoints',
  'sticky-ids',
  'sticky-endpoints',
  'local-endpoints',
  'local-sticky-ids',
  'local-sticky-endpoints',
] as const

export type SetName = (typeof setNames)[number]

/** Whether a set is one of those. */
export function isSetName(name: string): name is SetName {
  return setNames.some((known) => known === name)
}

/** Where addresses of one family come from. */
export interface Ranges {
  /** Those of pods. */
  pods: readonly string[]
  /** ClusterIPs. */
  services: readonly string[]
}

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

function fromPods(ip: string, podRanges: readonly string[], operator: '' | '!= '): string[] {
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

/** Chains that do not depend on Services: rules by name. The first line of a base chain says where it hooks in. */
export function fixedChains(family: Family, { pods, services }: Ranges): Map<string, string[]> {
  const { ip, loopback } = words[family]
  const service = `${ip} daddr . meta l4proto . th dport`
  const node = `fib daddr type local ${ip} daddr != ${loopback} meta l4proto . th dport`
  const refuse = [`ct state new jump refusals`]
  return new Map([
    // Before the chains that hook in, as those jump here.
    ['reject-chain', ['reject']],
    ['firewall-check', [`${service} @firewall-ips ${service} . ${ip} saddr != @source-ranges drop`]],
    [
      'refusals',
      [
        `${service} vmap @no-endpoint-services`,
        `${node} vmap @no-endpoint-nodeports`,
        // What was for a port of a Service has its endpoint's address by now: a Service address is no host.
        `${ip} daddr @cluster-ips reject`,
        // Nor is one that no Service has.
        ...services.map((range) => `${ip} daddr ${range} reject comment "no Service has this address and port"`),
      ],
    ],
    ['services', [`${service} vmap @service-ips`, `${node} vmap @service-nodeports`]],
    ['masquerading', [`meta mark set meta mark ^ 0x00004000`, 'masquerade fully-random']],
    // One before the usual place, so that Services come before port mappings of Docker and of CNI plugins, which have that place.
    ['nat-prerouting', ['type nat hook prerouting priority -101', 'jump services']],
    ['nat-output', ['type nat hook output priority -101', 'jump services']],
    [
      'nat-postrouting',
      [
        'type nat hook postrouting priority 99',
        'meta mark & 0x00004000 == 0x00004000 goto masquerading',
        `ct status dnat ${ip} saddr . ${ip} daddr @hairpin-connections masquerade fully-random`,
      ],
    ],
    ['filter-prerouting', ['type filter hook prerouting priority -110', 'ct state new jump firewall-check']],
    ['filter-output-before', ['type filter hook output priority -110', 'ct state new jump firewall-check']],
    ['filter-input', ['type filter hook input priority 0', ...refuse]],
    [
      'filter-forward',
      [
        'type filter hook forward priority 0',
        // An invalid packet would pass with its own addresses, not the Service's, and make the client reset its connection.
        ...fromPods(ip, pods, '').map((match) => `ct state invalid ${match} drop`),
        ...refuse,
      ],
    ],
    ['filter-output', ['type filter hook output priority 0', ...refuse]],
  ])
}

/** Text that declares all sets, maps and fixed chains of a new table. */
export function declareTable(family: Family, ranges: Ranges): string {
  const chains = [...fixedChains(family, ranges)].map(
    ([name, rules]) => `chain ${name} {\n${rules.map((rule) => `${rule}\n`).join('')}}\n`,
  )
  return `table ${tableName(family)} {\ncomment "${layoutComment}"\n${declareSets(family)}${chains.join('')}}\n`
}

function declareSets(family: Family): string {
  const { type } = words[family]
  const key = `${type} . inet_proto . inet_service`
  const spread = ['', 'local-'].flatMap((prefix) => [
    `map ${prefix}endpoints {\ntype ${key} . classid : ${type} . inet_service\n}\n`,
    `map ${prefix}sticky-ids {\ntype ${key} . classid : classid\n}\n`,
    `map ${prefix}sticky-endpoints {\ntype ${key} . classid : ${type} . inet_service\n}\n`,
  ])
  const client = {
    ipv4: 'typeof ip daddr . ip saddr . meta l4proto . th dport',
    ipv6: 'typeof numgen random mod 2 . numgen random mod 2',
  }[family]
  return [
    ...spread,
    `map affinity {\n${client} : meta priority\nsize 262144\nflags dynamic,timeout\n}\n`,
    ...['service-ips', 'no-endpoint-services'].map((name) => `map ${name} {\ntype ${key} : verdict\n}\n`),
    ...['service-nodeports', 'no-endpoint-nodeports'].map(
      (name) => `map ${name} {\ntype inet_proto . inet_service : verdict\n}\n`,
    ),
    `set cluster-ips {\ntype ${type}\n}\n`,
    `set firewall-ips {\ntype ${key}\n}\n`,
    `set source-ranges {\ntype ${key} . ${type}\nflags interval\n}\n`,
    `set hairpin-connections {\ntype ${type} . ${type}\n}\n`,
  ].join('')
}
