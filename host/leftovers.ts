// Signs of Fairlead on this host. `check` and `init` refuse what they find; `reset` ends when nothing is found any more.

import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { isAnswer } from '../agent/docker/docker-client.ts'
import { bridgeName } from '../agent/network/conflist.ts'
import { vtepName } from '../agent/network/vtep.ts'
import { wireguardName } from '../agent/network/wireguard.ts'
import { isProxyChain, listProxyServers, proxyLink, proxySets, proxyTables } from '../agent/proxy/traces.ts'
import { isMissingProgram } from '../cni/linux/exec.ts'
import { listLinks, listRoutes, listRoutes6 } from '../cni/linux/ip.ts'
import { readSets } from '../cni/linux/ipset.ts'
import { parseTable, saveTables } from '../cni/linux/iptables.ts'
import { hasIpv6 } from '../cni/linux/ipv6.ts'
import { listTables } from '../cni/linux/nft.ts'
import { showUnit } from '../cni/linux/systemd.ts'
import { listPodContainers, listUnnamedImages } from './containers.ts'
import { messageOf } from './failure.ts'
import { findOwnFiles } from './own-files.ts'
import { agentUnit, serverUnit, unitDir } from './paths.ts'
import { isProgramOurs } from './record.ts'
import { listOrchestrators } from './strangers.ts'

/** What there is of Fairlead on a host. */
export interface Leftovers {
  /** Files, units, links, routes, rules, sets, containers, images. */
  things: string[]
  /** Where nothing could be looked for, with the reason: "sets (ipset save: ...)". */
  unread: string[]
}

/** Looks for it everywhere. */
export async function findLeftovers(): Promise<Leftovers> {
  const unread: string[] = []
  const found = await Promise.all(
    Object.entries(searches).map(async ([what, find]) => {
      try {
        return await find()
      } catch (error) {
        // A program that is missing has made nothing either.
        if (!isMissingProgram(error)) unread.push(`${what} (${messageOf(error)})`)
        return []
      }
    }),
  )
  return { things: [...findFiles(), ...found.flat()], unread }
}

/** Those that are files; all that who is not root can look for. */
export function findFiles(): string[] {
  return findOwnFiles({ isProgramOurs: isProgramOurs() })
}

/** Our units that have a file, with their state. */
export async function findUnits(): Promise<{ name: string; state: string }[]> {
  const present = [serverUnit, agentUnit].filter((unit) => existsSync(join(unitDir, unit)))
  return await Promise.all(
    present.map(async (name) => ({ name, state: (await showUnit(name, ['ActiveState'])).get('ActiveState') ?? '' })),
  )
}

const searches: Record<string, () => Promise<string[]>> = {
  links: findLinks,
  routes: findRoutes,
  chains: findChains,
  tables: findTables,
  sets: findSets,
  'IPVS servers': findServers,
  containers: findContainers,
}

/** Without another orchestrator here, what bears the proxy's names is ours. */
const isOwnProxy = () => listOrchestrators().length === 0

async function findLinks(): Promise<string[]> {
  const own = [vtepName, wireguardName, ...(isOwnProxy() ? [proxyLink] : [])]
  const links = (await listLinks()).filter(
    ({ ifname, linkinfo }) => own.includes(ifname) || (ifname === bridgeName && linkinfo?.info_kind === 'bridge'),
  )
  return links.map(({ ifname }) => `link ${ifname}`)
}

async function findRoutes(): Promise<string[]> {
  const selection = ['proto', '96']
  const routes = await Promise.all([listRoutes({}, selection), listRoutes6({}, selection)])
  return routes.flat().map(({ dst }) => `route ${dst}`)
}

async function findChains(): Promise<string[]> {
  const families = hasIpv6() ? (['ipv4', 'ipv6'] as const) : (['ipv4'] as const)
  const saved = await Promise.all(families.map((family) => saveTables({ family })))
  const chains = saved.flatMap((tables) => [...tables.values()].flatMap((text) => [...parseTable(text).keys()]))
  const own = chains.filter((chain) => chain.startsWith('FAIRLEAD-') || (isOwnProxy() && isProxyChain(chain)))
  return [...new Set(own)].map((chain) => `chain ${chain}`)
}

async function findTables(): Promise<string[]> {
  const own = (await listTables()).filter(
    (table) => /^\w+ fairlead\b/.test(table) || (isOwnProxy() && proxyTables.includes(table)),
  )
  return own.map((table) => `table ${table}`)
}

async function findSets(): Promise<string[]> {
  // Asking a kernel without sets would load the module, or fail where it lacks that.
  if (!isOwnProxy() || !existsSync('/sys/module/ip_set')) return []
  const sets = await readSets()
  return proxySets.filter((name) => sets.has(name)).map((name) => `set ${name}`)
}

async function findServers(): Promise<string[]> {
  return isOwnProxy() ? (await listProxyServers()).map((server) => `IPVS server ${server}`) : []
}

/** A daemon that does not answer is a matter of its own check. */
async function findContainers(): Promise<string[]> {
  try {
    const [containers, images] = await Promise.all([listPodContainers(), listUnnamedImages()])
    return [...containers.map(({ name }) => `container ${name}`), ...images.map((id) => `image ${id.slice(7, 19)}`)]
  } catch (error) {
    if (isAnswer(error)) throw error
    return []
  }
}
