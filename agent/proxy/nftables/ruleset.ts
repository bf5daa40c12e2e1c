// The nftables tables of Services: their sets, maps and chains, as text in the very form in which nft prints it, so that what
// the kernel holds can be compared with what is wanted.
//
// All that depends on a Service is an element of a set or map that every Service shares; there is no chain and no map per
// Service. nft reads the names of all chains and sets before it changes one element, and the kernel looks at every chain that
// a changed verdict may lead to: 20,000 of them make a change cost 200 ms, these 30 make it 10 (docs/proxy-nftables.md). A chain
// exists per way of serving and number of endpoints, as that number is part of its rule.
//
// Needs Linux 5.14 and nft 1.0.

import type { Family } from '../../../api/objects/addresses.ts'
import { fromPods } from './spread-chains.ts'
import { tableName, words } from './words.ts'

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
