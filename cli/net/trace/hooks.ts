// One hook of netfilter: connection tracking, translation and every base chain of both dialects, in the order of priorities.

import type { Cause, HookName, RuleReference } from '../../../api/net/trace.ts'
import type { Family } from '../../../api/objects/addresses.ts'
import type { Connection, Tuple } from './connections.ts'
import { parseIptables } from './iptables/parse.ts'
import { parseNft } from './nft/model.ts'
import type { Packet } from './packet.ts'
import { type BaseChain, type ChainEnd, type RuleContext, walkChain } from './rules.ts'
import type { Namespace } from './world.ts'

export interface Devices {
  iif?: string
  oif?: string
  physicalIn?: string
  physicalOut?: string
}

/** What a hook did with the packet, which it may have changed. */
export interface HookResult {
  /** In words, in order. */
  did: string[]
  /** Rules that matched and did something; jumps only where they led to one. */
  rules: RuleReference[]
  /** The rule that let it pass. */
  accepted?: RuleReference
  /** The real entry of connection tracking that translated it. */
  known?: string
  notes: string[]
  /** Present when the packet ends here. */
  end?: { outcome: 'dropped' | 'refused'; cause: Cause; text: string; rule?: RuleReference }
}

interface Tables {
  chains: BaseChain[]
  isTracking: boolean
}

/** include/uapi/linux/netfilter_ipv4.h */
const trackingPriority = -200
const destinationPriority = -100
const sourcePriority = 100

const known = new WeakMap<Namespace, Map<Family, Tables>>()

/** Takes the packet through one hook of the namespace. */
export function runHook(
  namespace: Namespace,
  hook: HookName,
  packet: Packet,
  devices: Devices,
  choose: (count: number) => number,
): HookResult {
  const { chains, isTracking } = tablesOf(namespace, packet.family)
  const mine = chains.filter((chain) => chain.hook === hook)
  const result: HookResult = { did: [], rules: [], notes: [] }
  const isFirst = hook === 'prerouting' || hook === 'output'
  const translation = isFirst ? destinationPriority : sourcePriority
  const run = (from: number, to: number) => {
    for (const chain of mine)
      if (result.end === undefined && chain.priority >= from && chain.priority < to)
        runChain(chain, namespace, packet, devices, choose, result)
  }
  run(-Infinity, trackingPriority)
  if (isFirst && isTracking && result.end === undefined) track(namespace, packet, result)
  run(trackingPriority, translation)
  if (result.end === undefined && hook !== 'forward') translateKnown(packet, isFirst, result)
  run(translation, Infinity)
  return result
}

function tablesOf(namespace: Namespace, family: Family): Tables {
  const families = known.get(namespace) ?? new Map<Family, Tables>()
  known.set(namespace, families)
  const found = families.get(family)
  if (found !== undefined) return found
  const { state } = namespace
  const { iptables, legacyIptables } = state[family]
  const prefix = family === 'ipv4' ? 'ip' : 'ip6'
  const skipped = new Set([...iptables.matchAll(/^\*(\S+)/gm)].map(([, table]) => `${prefix} ${table}`))
  const chains = [
    ...parseIptables(legacyIptables, family),
    ...parseIptables(iptables, family),
    ...parseNft(state.nft, family, skipped),
  ].sort((a, b) => a.priority - b.priority)
  // The kernel tracks connections where some rule asks for it.
  const isTracking =
    chains.some(({ type }) => type === 'nat') ||
    /conntrack|--state|CONNMARK/.test(iptables + legacyIptables) ||
    JSON.stringify(state.nft).includes('"ct"') ||
    state.conntrack.count > 0
  const tables = { chains, isTracking }
  families.set(family, tables)
  return tables
}

function track(namespace: Namespace, packet: Packet, result: HookResult): void {
  if (packet.tracked !== undefined) return
  const found = namespace.connections.find(packet)
  if (found !== undefined) {
    const { connection, direction } = found
    const isNew = direction === 'original' && connection.line !== undefined && connection.isUnreplied === true
    packet.tracked = { state: isNew ? 'NEW' : 'ESTABLISHED', direction, connection }
    if (connection.line !== undefined) result.did.push(`belongs to a connection that is known: ${connection.line}`)
    return
  }
  const { count, max } = namespace.state.conntrack
  if (max > 0 && count >= max) {
    const text = `connection tracking is full: ${count} of ${max} entries (net.netfilter.nf_conntrack_max)`
    result.end = { outcome: 'dropped', cause: 'conntrack-full', text }
    return
  }
  packet.tracked = { state: 'NEW', direction: 'original', connection: namespace.connections.begin(packet) }
}

/** What NAT did to the connection's first packet is done to all others, and undone to answers. */
function translateKnown(packet: Packet, isDestination: boolean, result: HookResult): void {
  const { tracked } = packet
  if (tracked?.connection === undefined || isFresh(packet)) return
  const { original, reply } = tracked.connection
  const wanted: Tuple = tracked.direction === 'reply' ? original : reply
  const before = `${packet.source} ${packet.sourcePort} ${packet.destination} ${packet.port}`
  if (isDestination) Object.assign(packet, { destination: wanted.source, port: wanted.sourcePort })
  else Object.assign(packet, { source: wanted.destination, sourcePort: wanted.port })
  if (before === `${packet.source} ${packet.sourcePort} ${packet.destination} ${packet.port}`) return
  const { line } = tracked.connection
  if (line !== undefined && tracked.direction === 'original') result.known = line
  const side = isDestination ? `destination is ${packet.destination}` : `source is ${packet.source}`
  const verb = tracked.direction === 'reply' ? 'translated back' : 'translated as before'
  result.did.push(`${verb} by connection tracking: ${side} now`)
}

/** Whether this very packet began its connection, so that NAT rules are asked. */
function isFresh({ tracked }: Packet): boolean {
  return tracked?.state === 'NEW' && tracked.connection?.line === undefined && tracked.direction === 'original'
}

function runChain(
  chain: BaseChain,
  namespace: Namespace,
  packet: Packet,
  devices: Devices,
  choose: (count: number) => number,
  result: HookResult,
): void {
  if (chain.type === 'nat' && (!isFresh(packet) || isTranslated(packet, chain.hook))) return
  const context = makeContext(chain.hook, namespace, packet, devices, choose)
  const end = walkChain(chain, context)
  result.notes.push(...end.unknown)
  result.did.push(...end.did)
  if (end.did.length > 0 || end.rule !== undefined) result.rules.push(...end.matched)
  if (end.verdict === 'accept' && end.rule !== undefined) result.accepted = end.rule
  if (end.verdict !== 'accept') result.end = toEnd(chain, nameDrop(chain, end))
}

/** Within one hook, the first NAT rule that matches has the say. */
function isTranslated({ tracked }: Packet, hook: HookName): boolean {
  const connection = tracked?.connection
  if (connection === undefined) return false
  const { original, reply } = connection
  return hook === 'prerouting' || hook === 'output'
    ? original.destination !== reply.source || original.port !== reply.sourcePort
    : original.source !== reply.destination
}

function makeContext(
  hook: HookName,
  namespace: Namespace,
  packet: Packet,
  devices: Devices,
  choose: (count: number) => number,
): RuleContext {
  const { iif = '', oif = '', physicalIn = '', physicalOut = '' } = devices
  const connection = packet.tracked?.connection
  const destination = (address: string | undefined, port: number | undefined) => {
    packet.destination = address ?? packet.destination
    if (packet.protocol !== 'icmp') packet.port = port ?? packet.port
    remember(connection, { source: packet.destination, sourcePort: packet.port })
  }
  const source = (address: string | undefined, port: number | undefined) => {
    packet.source = address ?? packet.source
    packet.sourcePort = port ?? packet.sourcePort
    remember(connection, { destination: packet.source, port: packet.sourcePort })
  }
  const { family } = packet
  const ownAddress = (device: string) => {
    const { preferredSource } = namespace.route({ family, destination: packet.destination, mark: packet.mark })
    return preferredSource ?? namespace.addressOf(device, family)
  }
  const loopback = family === 'ipv4' ? '127.0.0.1' : '::1'
  return {
    packet,
    namespace,
    hook,
    iif,
    oif,
    physicalIn,
    physicalOut,
    choose,
    translate: {
      destination,
      source,
      masquerade: () => source(ownAddress(oif), undefined),
      redirect: (port) => destination(hook === 'output' ? loopback : namespace.addressOf(iif, family), port),
    },
  }
}

function remember(connection: Connection | undefined, change: Partial<Tuple>): void {
  if (connection !== undefined) connection.reply = { ...connection.reply, ...change }
}

/** A pod's chain drops what none of its policies allowed: those are named by the rules before the drop. */
function nameDrop(chain: BaseChain, end: ChainEnd): ChainEnd {
  const { rule } = end
  if (rule === undefined || !/policy drop/.test(rule.text)) return end
  const policies = (chain.rulesOf(rule.chain) ?? [])
    .map(({ reference }) => reference.object)
    .filter((object) => object?.startsWith('NetworkPolicy'))
  const object = [...new Set(policies)].join(', ') || 'NetworkPolicies'
  return { ...end, rule: { ...rule, object } }
}

function toEnd(chain: BaseChain, { verdict, how, rule, matched }: ChainEnd): NonNullable<HookResult['end']> {
  const where = `${chain.table} ${rule?.chain ?? chain.chain}`
  if (rule === undefined) {
    const text = `dropped by the policy of chain ${chain.table} ${chain.chain}: no rule accepts it`
    return { outcome: 'dropped', cause: 'chain-policy', text }
  }
  const owner = rule.object === undefined ? '' : ` of ${rule.object}`
  const cause = causeOf(rule, matched)
  if (verdict === 'reject')
    return { outcome: 'refused', cause, text: `refused (${how}) by rule${owner} in ${where}: ${rule.text}`, rule }
  const what = verdict === 'queue' ? 'handed to a program (queue)' : 'dropped'
  return { outcome: 'dropped', cause, text: `${what} by rule${owner} in ${where}: ${rule.text}`, rule }
}

function causeOf({ object = '', text, chain }: RuleReference, matched: readonly RuleReference[]): Cause {
  if (object.startsWith('NetworkPolic')) return 'policy'
  if (object.startsWith('fault ')) return 'fault'
  if (/no endpoints|no local endpoints/.test(text)) return 'no-endpoints'
  if (object.startsWith('Service') && matched.some((rule) => rule.text.includes('@no-endpoint'))) return 'no-endpoints'
  if (/@cluster-ips|no Service has this address/.test(text)) return 'not-served'
  if (/^KUBE-FW-|firewall|source.?range/i.test(`${chain} ${text}`)) return 'source-range'
  return 'rule'
}
