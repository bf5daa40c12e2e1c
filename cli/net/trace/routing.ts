// The routing decision of one namespace: rules by priority, in each table the longest prefix, then the smallest metric.

import type { NamespaceState, PolicyRule, RouteState } from '../../../api/net/state.ts'
import type { Family } from '../../../api/objects/addresses.ts'
import { isWithin, toRange } from './address.ts'

export interface RouteQuery {
  family: Family
  destination: string
  source?: string
  /** Where the packet came in; absent for the namespace's own. */
  iif?: string
  mark: number
}

export interface RouteDecision {
  /** unicast, local, broadcast, multicast, blackhole, prohibit, unreachable; none: nothing fits. */
  type: string
  device: string
  /** Absent: the destination is on the link itself. */
  gateway?: string
  preferredSource?: string
  /** Of the route itself, where it has one. */
  mtu?: number
  table: string
  /** As `ip route` prints it. */
  text: string
  /** The rule that led to the table, where it is not one of the usual three. */
  rule?: string
}

const usualTables = new Set(['local', 'main', 'default'])
/** A rule's own actions, which end the search. */
const endings = new Set(['blackhole', 'prohibit', 'unreachable'])

/** Never throws: that nothing fits is a decision too. */
export function decideRoute(state: NamespaceState, query: RouteQuery): RouteDecision {
  const { rules } = state[query.family]
  for (const rule of [...rules].sort((a, b) => a.priority - b.priority)) {
    if (!isMatch(rule, query)) continue
    if (rule.action !== undefined && endings.has(rule.action))
      return { type: rule.action, device: '', table: '', text: formatRule(rule), rule: formatRule(rule) }
    const route = findRoute(state, rule.table ?? 'main', query)
    if (route === undefined || route.type === 'throw') continue
    return toDecision(route, usualTables.has(rule.table ?? 'main') ? undefined : formatRule(rule))
  }
  return { type: 'none', device: '', table: '', text: `no route to ${query.destination}` }
}

/** "32765: from all fwmark 0x1 lookup 100", as `ip rule` prints it. */
function formatRule(rule: PolicyRule): string {
  const part = (word: string, value: string | undefined, length?: number) =>
    value === undefined ? [] : [`${word} ${value}${length === undefined ? '' : `/${length}`}`]
  const words = [
    ...('not' in rule ? ['not'] : []),
    ...part('from', rule.src, rule.srclen),
    ...part('to', rule.dst, rule.dstlen),
    ...part('fwmark', rule.fwmark === undefined ? undefined : `${rule.fwmark}${rule.fwmask ? `/${rule.fwmask}` : ''}`),
    ...part('iif', rule.iif),
    ...part('oif', rule.oif),
    rule.action ?? `lookup ${rule.table}`,
  ]
  return `${rule.priority}: ${words.join(' ')}`
}

function isMatch(rule: PolicyRule, { source, destination, iif, mark }: RouteQuery): boolean {
  const within = (address: string | undefined, range: string | undefined, length: number | undefined) =>
    range === undefined ||
    range === 'all' ||
    (address !== undefined && isWithin(address, length === undefined ? range : `${range}/${length}`))
  const isMarked =
    rule.fwmark === undefined || (mark & Number(rule.fwmask ?? 0xffffffff)) >>> 0 === Number(rule.fwmark) >>> 0
  const matches =
    within(source, rule.src, rule.srclen) &&
    within(destination, rule.dst, rule.dstlen) &&
    isMarked &&
    // Packets of the namespace itself count as coming from lo.
    (rule.iif === undefined || rule.iif === (iif ?? 'lo')) &&
    rule.oif === undefined
  return 'not' in rule ? !matches : matches
}

function findRoute(state: NamespaceState, table: string, query: RouteQuery): RouteState | undefined {
  let best: RouteState | undefined
  let bestLength = -1
  for (const route of state[query.family].routes) {
    if ((route.table ?? 'main') !== table || isDead(state, route)) continue
    const range = route.dst === 'default' ? undefined : toRange(route.dst)
    const length = range?.length ?? 0
    if (length < bestLength || (route.dst !== 'default' && !isWithin(query.destination, route.dst))) continue
    if (length === bestLength && (route.metric ?? 0) >= (best?.metric ?? 0)) continue
    best = route
    bestLength = length
  }
  return best
}

/**
 * Routes over links without a carrier count until the kernel is told otherwise (ignore_routes_with_linkdown); dead ones never.
 * Addresses of links that are down are the node's own all the same, as those of kube-ipvs0.
 */
function isDead({ links }: NamespaceState, { flags = [], dev, nexthops, type }: RouteState): boolean {
  if (flags.includes('dead')) return true
  if (dev === undefined || nexthops !== undefined || type === 'local') return false
  const link = links.find(({ ifname }) => ifname === dev)
  return link !== undefined && !link.flags.includes('UP')
}

function toDecision(route: RouteState, rule: string | undefined): RouteDecision {
  const hop = route.nexthops?.find(({ flags = [] }) => !flags.includes('dead'))
  const gateway = route.gateway ?? route.via?.host ?? hop?.gateway
  const mtu = route.metrics?.find((metrics) => metrics.mtu !== undefined)?.mtu
  return {
    type: route.type ?? 'unicast',
    device: route.dev ?? hop?.dev ?? '',
    ...(gateway !== undefined && { gateway }),
    ...(route.prefsrc !== undefined && { preferredSource: route.prefsrc }),
    ...(mtu !== undefined && { mtu }),
    table: route.table ?? 'main',
    text: formatRoute(route),
    ...(rule !== undefined && { rule }),
  }
}

/** As `ip route` prints it. */
function formatRoute(route: RouteState): string {
  const { type, dst, gateway, via, dev, protocol, metric, table, nexthops = [] } = route
  const words = [
    ...(type === undefined || type === 'unicast' ? [] : [type]),
    dst,
    ...(gateway === undefined ? [] : [`via ${gateway}`]),
    ...(via === undefined ? [] : [`via ${via.family} ${via.host}`]),
    ...(dev === undefined ? [] : [`dev ${dev}`]),
    ...nexthops.map((hop) => `nexthop via ${hop.gateway ?? '-'} dev ${hop.dev ?? '-'}`),
    ...(table === undefined || table === 'main' ? [] : [`table ${table}`]),
    ...(protocol === undefined ? [] : [`proto ${protocol}`]),
    ...(metric === undefined ? [] : [`metric ${metric}`]),
  ]
  return words.join(' ')
}
