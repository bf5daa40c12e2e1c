// The parts of our table: what every node has, what a policy needs, what a pod needs.
//
// A connection is judged, not a packet: by who began it (ct original saddr) and by where it really ends after address
// translation (ct reply saddr, ct reply proto-src). Both directions of it look the same to these rules, so replies pass
// exactly as long as the connection may exist, and one that is no longer allowed is cut with the next packet.

import type { Family } from '../../../api/objects/addresses.ts'
import type { NamedPort } from '../pod.ts'
import { type Direction, directions, type Policy, type PortMatch, type Protocol, type Rule } from '../policy.ts'
import { formatRange, type Range } from '../ranges.ts'
import type { WantedPod } from '../table.ts'
import {
  comment,
  dropCounter,
  fixedSet,
  groupSet,
  isolatedFamilies,
  isolatedSet,
  namedPortSet,
  podChain,
  podMap,
  policyChain,
} from './names.ts'
import type { Claim, Part } from './wish.ts'

const families: readonly Family[] = ['ipv4', 'ipv6']
const addressType: Record<Family, string> = { ipv4: 'ipv4_addr', ipv6: 'ipv6_addr' }
const headerOf: Record<Family, string> = { ipv4: 'ip', ipv6: 'ip6' }

/** The address of whoever began the connection, and the address where it ends. */
const source = (family: Family) => `ct original ${headerOf[family]} saddr`
const destination = (family: Family) => `ct reply ${headerOf[family]} saddr`
/** The port where it ends; only behind the protocol does nft know what the number means. */
const protocolIs = (protocol: Protocol) => `meta l4proto ${protocol}`
const destinationPort = 'ct reply proto-src'

/** How an allowed connection goes on: what leaves a pod must still be let in by the other. */
const allowed: Record<Direction, string> = { egress: 'goto ingress', ingress: 'accept' }

/** What is there as long as policies are kept at all. */
export function planBase(): Part {
  const hook = (name: string) => `type filter hook ${name} priority filter; policy accept;`
  return {
    owner: 'NetworkPolicies',
    chains: new Map([
      ['forward', [hook('forward'), 'goto judge']],
      // What a node's processes send is always let into its own pods. Under IPVS, others' packets come this way too.
      ['output', [hook('output'), 'fib saddr type local accept', 'goto judge']],
      [
        'judge',
        [
          'ct state invalid,untracked goto stray',
          // Errors about a connection that was allowed.
          'ct state related meta l4proto { icmp, ipv6-icmp } accept',
          ...families.map((family) => `${source(family)} vmap @${podMap('egress', family)}`),
          'goto ingress',
        ],
      ],
      // Accepts at its end: a connection that a policy let out would else come back to that policy's pod, and its drop.
      [
        'ingress',
        [
          ...families.map((family) => `${destination(family)} vmap @${podMap('ingress', family)}`),
          // Nothing ever answers by such an address: it is new with every packet, and others need not be looked up.
          'ct state new fib daddr type { broadcast, multicast } goto unaddressed',
          ...[source, destination].map((end) => `${end('ipv6')} fe80::/10 goto unaddressed`),
          'accept',
        ],
      ],
      [
        'unaddressed',
        [`meta nfproto @${isolatedFamilies} counter drop ${comment('policy drop: to no pod by its own address')}`],
      ],
      ['stray', planStray()],
    ]),
    declared: new Map([
      [isolatedFamilies, ['set', 'type nf_proto']],
      ...families.flatMap((family): [string, string[]][] => [
        ...directions.map((direction): [string, string[]] => [
          podMap(direction, family),
          ['map', `type ${addressType[family]} : verdict`],
        ]),
        [isolatedSet(family), ['set', `type ${addressType[family]}`]],
      ]),
    ]),
    elements: [],
  }
}

/** Packets of no connection: neighbour discovery is none ever (RFC 4861, RFC 3810); what else there is could be anything. */
function planStray(): string[] {
  const text = comment('policy drop: packet of no connection')
  return [
    'icmpv6 type { 130-137, mld2-listener-report } accept',
    ...families.flatMap((family) =>
      ['saddr', 'daddr'].map((end) => `${headerOf[family]} ${end} @${isolatedSet(family)} counter drop ${text}`),
    ),
  ]
}

/** Chains that allow, with the sets they ask. */
export function planPolicy(policy: Policy): Part {
  const part: Part = { owner: `NetworkPolicy ${policy.key}`, chains: new Map(), declared: new Map(), elements: [] }
  for (const direction of directions) {
    const rules = policy[direction]
    if (rules === undefined) continue
    part.chains.set(
      policyChain(policy.key, direction),
      rules.flatMap((rule, index) =>
        planRule(part, rule, direction, `policy ${policy.key} ${direction} rule ${index + 1}`),
      ),
    )
    part.declared.set(dropCounter(policy.key, direction), [
      'counter',
      comment(`policy ${policy.key} drops ${direction}`),
    ])
  }
  return part
}

/** A condition, and the one family that it is about, if so. */
interface Match {
  text: string
  family?: Family
}

function planRule(part: Part, { peers, ports }: Rule, direction: Direction, name: string): string[] {
  const peerMatches = peers === undefined ? [{ text: '' }] : planPeers(part, peers, direction)
  const portMatches = ports === undefined ? [{ text: '' }] : ports.flatMap((port) => planPorts(part, port))
  return peerMatches.flatMap((peer) =>
    portMatches
      .filter(({ family }) => family === undefined || peer.family === undefined || family === peer.family)
      .map((port) => [peer.text, port.text, 'counter', allowed[direction], comment(name)])
      .map((words) => words.filter((word) => word !== '').join(' ')),
  )
}

function planPeers(part: Part, { pods, blocks }: NonNullable<Rule['peers']>, direction: Direction): Match[] {
  return families.flatMap((family) => {
    const other = direction === 'ingress' ? source(family) : destination(family)
    const matches: Match[] = []
    if (pods !== undefined) {
      const set = groupSet(pods.id, family)
      part.declared.set(set, ['set', `type ${addressType[family]}`, comment(pods.id)])
      matches.push({ text: `${other} @${set}`, family })
    }
    const ranges = blocks[family].map((range) => formatRange(range, family))
    // nft takes a condition that is always true for a mistake: an interval of everything.
    if (ranges.some((range) => range.endsWith('/0'))) matches.push({ text: `meta nfproto ${family}`, family })
    else if (ranges.length > 0)
      matches.push({ text: planFixed(part, other, 'blocks', addressType[family], ranges), family })
    return matches
  })
}

function planPorts(part: Part, { protocol, ranges, names }: PortMatch): Match[] {
  const is = protocolIs(protocol)
  if (ranges === undefined) return [{ text: is }]
  const numbers = ranges.map(formatPorts)
  const byNumber =
    numbers.length === 0
      ? []
      : [{ text: `${is} ${planFixed(part, destinationPort, 'ports', 'inet_service', numbers)}` }]
  const byName = names.flatMap((name) =>
    families.map((family): Match => {
      const set = namedPortSet(name, protocol, family)
      part.declared.set(set, ['set', `type ${addressType[family]} . inet_service`])
      return { text: `${is} ${destination(family)} . ${destinationPort} @${set}`, family }
    }),
  )
  return [...byNumber, ...byName]
}

/** One value stands in the rule itself; several make a set, which costs one look however many they are. */
function planFixed(part: Part, field: string, kind: string, type: string, values: string[]): string {
  const [only = ''] = values
  if (values.length === 1) return `${field} ${only}`
  const set = fixedSet(kind, values)
  part.declared.set(set, ['set', `type ${type}`, 'flags interval'])
  for (const value of values) part.elements.push([set, value, ''])
  return `${field} @${set}`
}

function formatPorts({ first, last }: Range): string {
  return first === last ? String(first) : `${first}-${last}`
}

/** The pod's own chains where it is isolated, and its places in groups. */
export function planPod({ key, ips, isolation, groups, ports }: WantedPod): Part {
  const addresses = ips.map((ip) => ({ ip, family: ip.includes(':') ? ('ipv6' as const) : ('ipv4' as const) }))
  const isolated = directions.filter((direction) => isolation[direction].length > 0)
  return {
    owner: `Pod ${key}`,
    chains: new Map(
      isolated.map((direction) => [podChain(key, direction), planPodChain(key, direction, isolation[direction], ips)]),
    ),
    declared: new Map(),
    elements: addresses.flatMap(({ ip, family }): Claim[] => [
      ...isolated.map((direction): Claim => [podMap(direction, family), ip, `goto ${podChain(key, direction)}`]),
      ...(isolated.length > 0
        ? ([
            [isolatedSet(family), ip, ''],
            [isolatedFamilies, family, ''],
          ] satisfies Claim[])
        : []),
      ...groups.map((group): Claim => [groupSet(group, family), ip, '']),
      ...ports.map(
        (port: NamedPort): Claim => [namedPortSet(port.name, port.protocol, family), `${ip} . ${port.port}`, ''],
      ),
    ]),
  }
}

function planPodChain(key: string, direction: Direction, policies: string[], ips: string[]): string[] {
  const other = direction === 'ingress' ? source : destination
  return [
    ...policies.map((policy) => `jump ${policyChain(policy, direction)} ${comment(`policy ${policy}`)}`),
    ...ips.map((ip) => `${other(ip.includes(':') ? 'ipv6' : 'ipv4')} ${ip} accept ${comment('a pod reaches itself')}`),
    ...policies.map((policy) => `counter name "${dropCounter(policy, direction)}" ${comment(`policy ${policy}`)}`),
    `counter drop ${comment(`policy drop ${direction} of ${key}`)}`,
  ]
}
