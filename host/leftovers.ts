// Signs of Fairlead on this host, and of others like it. `check` and `init` refuse what they find; `reset` ends when nothing is
// found any more.

import { existsSync } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { bridgeName, ownConfigFile } from '../agent/network/conflist.ts'
import { vtepName } from '../agent/network/vtep.ts'
import { wireguardName } from '../agent/network/wireguard.ts'
import { listLinks, listRoutes, listRoutes6 } from '../cni/linux/ip.ts'
import { readSets } from '../cni/linux/ipset.ts'
import { parseTable, saveTables } from '../cni/linux/iptables.ts'
import { listTables } from '../cni/linux/nft.ts'
import { showUnit } from '../cni/linux/systemd.ts'
import { listPodContainers } from './containers.ts'
import { agentUnit, cniConfDir, cniPluginPath, configDir, serverUnit, stateDir, unitDir } from './paths.ts'

/** What there is of Fairlead: files, units, links, routes, rules, sets, containers. Empty: nothing. */
export async function findLeftovers(): Promise<string[]> {
  const files = [configDir, stateDir, cniPluginPath, join(cniConfDir, ownConfigFile)]
  const units = [serverUnit, agentUnit].map((unit) => join(unitDir, unit))
  const found = await Promise.all([findLinks(), findRoutes(), findChains(), findTables(), findSets(), findContainers()])
  return [...[...files, ...units].filter((path) => existsSync(path)), ...found.flat()]
}

/** Our units that have a file, with their state. */
export async function findUnits(): Promise<{ name: string; state: string }[]> {
  const present = [serverUnit, agentUnit].filter((unit) => existsSync(join(unitDir, unit)))
  return await Promise.all(
    present.map(async (name) => ({ name, state: (await showUnit(name, ['ActiveState'])).get('ActiveState') ?? '' })),
  )
}

async function findLinks(): Promise<string[]> {
  const links = await listLinks().catch(() => [])
  return links
    .filter(
      ({ ifname, linkinfo }) =>
        ifname === vtepName || ifname === wireguardName || (ifname === bridgeName && linkinfo?.info_kind === 'bridge'),
    )
    .map(({ ifname }) => `link ${ifname}`)
}

async function findRoutes(): Promise<string[]> {
  const selection = ['proto', '96']
  const routes = await Promise.all([listRoutes({}, selection), listRoutes6({}, selection)]).catch(() => [])
  return routes.flat().map(({ dst }) => `route ${dst}`)
}

const ownChain = /^FAIRLEAD-/
/** Chains of Services, which other Kubernetes proxies call the same. */
const serviceChain = /^KUBE-(SERVICES|NODEPORTS|POSTROUTING)$/

async function listChains(): Promise<string[]> {
  const saved = await Promise.all(
    (['ipv4', 'ipv6'] as const).map((family) => saveTables({ family }).catch(() => new Map())),
  )
  return [...new Set(saved.flatMap((tables) => [...tables.values()].flatMap((text) => [...parseTable(text).keys()])))]
}

async function findChains(): Promise<string[]> {
  const chains = await listChains()
  return chains
    .filter((chain) => ownChain.test(chain) || (isOwnProxy() && serviceChain.test(chain)))
    .map((chain) => `chain ${chain}`)
}

async function findTables(): Promise<string[]> {
  const tables = await listTables().catch(() => [])
  return tables.filter((table) => /^\w+ fairlead\b/.test(table)).map((table) => `table ${table}`)
}

async function findSets(): Promise<string[]> {
  if (!isOwnProxy()) return []
  const sets = await readSets().catch(() => new Map<string, unknown>())
  return [...sets.keys()].filter((name) => name.startsWith('KUBE-')).map((name) => `set ${name}`)
}

async function findContainers(): Promise<string[]> {
  const containers = await listPodContainers().catch(() => [])
  return containers.map(({ name }) => `container ${name}`)
}

/** Without another orchestrator here, what bears its names is ours. */
const isOwnProxy = () => !strangerPrograms.some((path) => existsSync(path))

const strangerPrograms = ['/var/lib/kubelet/config.yaml', '/etc/rancher/k3s', '/var/snap/microk8s', '/var/lib/k0s']

/** Other orchestrators, and CNI configurations that go before ours. */
export async function findStrangers(): Promise<string[]> {
  const lists = (await readdir(cniConfDir).catch(() => [])).filter((name) => /\.(conflist|conf|json)$/.test(name))
  const before = lists
    .filter((name) => name < ownConfigFile)
    .map((name) => `CNI configuration ${join(cniConfDir, name)}`)
  return [...strangerPrograms.filter((path) => existsSync(path)), ...before]
}
