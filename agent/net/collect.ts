// Takes the picture of one network namespace. Reads only; every part is asked for at once, and what a host lacks (a program, a
// kernel without the feature) is a gap in the picture, not a failure.

import type { FamilyState, NamespaceState, Place } from '../../api/net/state.ts'
import { listConnections } from '../../cni/linux/conntrack.ts'
import { CommandError, type RunOptions } from '../../cni/linux/exec.ts'
import { showFdb, showLinks, showNeighbours, showRoutes, showRules } from '../../cni/linux/iproute.ts'
import { saveSets } from '../../cni/linux/ipset.ts'
import { hasLegacyTables, saveAll } from '../../cni/linux/iptables.ts'
import { saveVirtualServers } from '../../cni/linux/ipvs.ts'
import { listRuleset } from '../../cni/linux/nft.ts'
import { listSockets } from '../../cni/linux/sockets.ts'
import { readSysctls } from '../../cni/linux/sysctl.ts'
import { readWireguard } from '../../cni/linux/wireguard.ts'
import { watchPrefix } from './watch.ts'

export interface CollectOptions {
  place: Place
  /** Path of the namespace; absent: this process's own. */
  netns?: string
  /** Connections that have one of these addresses are part of the picture. */
  addresses?: readonly string[]
}

type Where = Pick<RunOptions, 'netns'>

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
  const nft = or('nft', listRuleset(where).then(withoutWatches), [])
  const family = async (version: 4 | 6): Promise<FamilyState> => {
    const [routes, rules, iptables, legacyIptables] = await Promise.all([
      or('routes', showRoutes(`-${version}`, where), []),
      or('rules', showRules(`-${version}`, where), []),
      nft.then((objects) => (hasIptables(objects, version) ? or('iptables', saveAll(version, where), '') : '')),
      or('iptables-legacy', saveLegacy(version, where), ''),
    ])
    return { routes, rules, iptables, legacyIptables } as FamilyState
  }
  const families = Promise.all([family(4), family(6)])
  const [fdb, neighbours, ipvs, wireguard, entries, settings, sockets] = await Promise.all([
    or('fdb', showFdb(where), []),
    or('neighbours', showNeighbours(where), []),
    or('ipvs', saveVirtualServers(where), ''),
    links.then((all) => or('wg', readTunnels(all, where), {})),
    or('conntrack', listConnections(addresses, where), []),
    links.then((all) => or('sysctl', readSettings(all, where), {})),
    or('sockets', listSockets(where), []),
  ])
  const [ipv4, ipv6] = await families
  const isSetUsed = [ipv4, ipv6].some(({ iptables, legacyIptables }) =>
    /--(match|map)-set /.test(`${iptables}${legacyIptables}`),
  )
  const ipsets = isSetUsed ? await or('ipset', saveSets(where), '') : ''
  const number = (name: string) => Number(settings[`net/netfilter/${name}`] ?? 0)
  return {
    place,
    links: await links,
    fdb: fdb as NamespaceState['fdb'],
    neighbours: neighbours as NamespaceState['neighbours'],
    ipv4,
    ipv6,
    nft: await nft,
    ipsets,
    ipvs,
    wireguard,
    conntrack: { entries, count: number('nf_conntrack_count'), max: number('nf_conntrack_max') },
    sysctls: settings,
    sockets,
    gaps,
  }
}

async function readTunnels(links: NamespaceState['links'], where: Where): Promise<NamespaceState['wireguard']> {
  const names = links.filter(({ linkinfo }) => linkinfo?.info_kind === 'wireguard').map(({ ifname }) => ifname)
  return Object.fromEntries(
    await Promise.all(names.map(async (name) => [name, await readWireguard(name, where)] as const)),
  )
}

/** Its nft variant keeps its rules in tables of these names: where there is none, the program need not be asked. */
function hasIptables(objects: unknown[], version: 4 | 6): boolean {
  const names = new Set(['raw', 'mangle', 'nat', 'filter', 'security'])
  return (objects as { table?: { family: string; name: string } }[]).some(
    ({ table }) => table?.family === (version === 4 ? 'ip' : 'ip6') && names.has(table.name),
  )
}

async function saveLegacy(version: 4 | 6, where: Where): Promise<string> {
  return (await hasLegacyTables(version, where)) ? await saveAll(version, where, 'legacy') : ''
}

/** What this program puts there for a second is no part of anything. */
function withoutWatches(objects: unknown[]): unknown[] {
  return (objects as Record<string, { name?: string; table?: string } | undefined>[]).filter((object) =>
    Object.entries(object).every(
      ([kind, each]) => !((kind === 'table' ? each?.name : each?.table) ?? '').startsWith(watchPrefix),
    ),
  )
}

/** Settings of the whole namespace that decide about packets. */
const wholeSettings = [
  'net.ipv4.ip_forward',
  'net.ipv6.conf.all.forwarding',
  'net.bridge.bridge-nf-call-iptables',
  'net.bridge.bridge-nf-call-ip6tables',
  'net.netfilter.nf_conntrack_count',
  'net.netfilter.nf_conntrack_max',
]

/** By names below /proc/sys. Ports of bridges are left out: nothing is routed there. */
async function readSettings(links: NamespaceState['links'], where: Where): Promise<Record<string, string>> {
  const routing = links.filter(({ master }) => master === undefined).map(({ ifname }) => ifname)
  // sysctl takes a slash for the dot of names such as eth0.5.
  const names = ['all', ...routing].flatMap((link) =>
    ['forwarding', 'rp_filter', 'accept_local'].map((name) => `net.ipv4.conf.${link.replaceAll('.', '/')}.${name}`),
  )
  const values = await readSysctls([...wholeSettings, ...names], where)
  return Object.fromEntries([...values].map(([name, value]) => [toPath(name), value]))
}

function toPath(name: string): string {
  return name.replaceAll(/[./]/g, (character) => (character === '.' ? '/' : '.'))
}
