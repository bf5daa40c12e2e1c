// Takes the picture of one network namespace. Reads only; every part is asked for at once, and what a host lacks (a program, a
// kernel without the feature) is a gap in the picture, not a failure.

import type { FamilyState, NamespaceState, Place } from '../../api/net/state.ts'
import { countConnections, listConnections } from '../../cni/linux/conntrack.ts'
import { CommandError, type RunOptions } from '../../cni/linux/exec.ts'
import { showFdb, showLinks, showNeighbours, showRoutes, showRules } from '../../cni/linux/iproute.ts'
import { saveSets } from '../../cni/linux/ipset.ts'
import { saveAll } from '../../cni/linux/iptables.ts'
import { saveVirtualServers } from '../../cni/linux/ipvs.ts'
import { listRuleset } from '../../cni/linux/nft.ts'
import { listSockets } from '../../cni/linux/sockets.ts'
import { findSysctls } from '../../cni/linux/sysctl.ts'

export interface CollectOptions {
  place: Place
  /** Path of the namespace; absent: this process's own. */
  netns?: string
  /** Connections that have one of these addresses are part of the picture. */
  addresses?: readonly string[]
}

type Where = Pick<RunOptions, 'netns'>

/** Settings that decide about packets; the whole of it is compared with names below /proc/sys. */
const settings =
  '^net\\.(ipv[46]\\.conf\\..*\\.(forwarding|rp_filter|arp_ignore|arp_filter|proxy_arp|disable_ipv6|route_localnet|accept_local)|ipv4\\.ip_forward|bridge\\.bridge-nf-call-.*|netfilter\\.nf_conntrack_(max|count))$'

/** Throws only when the namespace itself is not there. */
export async function collectState({ place, netns, addresses = [] }: CollectOptions): Promise<NamespaceState> {
  const where: Where = netns === undefined ? {} : { netns }
  const gaps: string[] = []
  const or = async <T>(name: string, reading: Promise<T>, otherwise: T): Promise<T> => {
    try {
      return await reading
    } catch (error) {
      if (!(error instanceof CommandError)) throw error
      gaps.push(`${name}: ${error.message}`)
      return otherwise
    }
  }
  const links = showLinks(where) as Promise<NamespaceState['links']>
  const family = async (version: 4 | 6): Promise<FamilyState> => {
    const [routes, rules, iptables, legacyIptables] = await Promise.all([
      or('routes', showRoutes(`-${version}`, where), []),
      or('rules', showRules(`-${version}`, where), []),
      or('iptables', saveAll(version, where), ''),
      or('iptables-legacy', saveAll(version, where, 'legacy'), ''),
    ])
    return { routes, rules, iptables, legacyIptables } as FamilyState
  }
  const [ipv4, ipv6, fdb, neighbours, nft, ipsets, ipvs, entries, count, sysctls, sockets] = await Promise.all([
    family(4),
    family(6),
    or('fdb', showFdb(where), []),
    or('neighbours', showNeighbours(where), []),
    or('nft', listRuleset(where), []),
    or('ipset', saveSets(where), ''),
    saveVirtualServers(where),
    or('conntrack', listConnections(addresses, where), []),
    or('conntrack', countConnections(where), { count: 0, max: 0 }),
    or('sysctl', findSysctls(settings, where), {}),
    or('sockets', listSockets(where), []),
  ])
  return {
    place,
    links: await links,
    fdb: fdb as NamespaceState['fdb'],
    neighbours: neighbours as NamespaceState['neighbours'],
    ipv4,
    ipv6,
    nft,
    ipsets,
    ipvs,
    conntrack: { entries, ...count },
    sysctls,
    sockets,
    gaps,
  }
}
