// By what names the kernel holds what the Service proxy writes, in whichever mode. Other Kubernetes proxies use the same names.

import { existsSync } from 'node:fs'
import { baseChainNames, tables } from './iptables/base.ts'
import { isServiceChain } from './iptables/names.ts'
import { planBaseRules } from './ipvs/base-rules.ts'
import { deviceName, readKernel } from './ipvs/kernel.ts'
import { setNames } from './ipvs/sets.ts'
import { tableName } from './nftables/words.ts'

const families = ['ipv4', 'ipv6'] as const

/** Its link in IPVS mode. */
export const proxyLink = deviceName
/** Its tables of nftables. */
export const proxyTables = families.map(tableName)
/** Its sets in IPVS mode. */
export const proxySets = setNames(families)

const sharedChains = new Set([
  ...tables.flatMap((table) => [...baseChainNames(table)]),
  ...Object.values(planBaseRules('ipv4', '0.0.0.0/0')).flatMap((chains) => [...chains.keys()]),
])

/** Whether it makes a chain of iptables with this name. */
export function isProxyChain(chain: string): boolean {
  return sharedChains.has(chain) || isServiceChain(chain)
}

/** Its virtual servers, by the words that name them to ipvsadm. */
export async function listProxyServers(): Promise<string[]> {
  // Asking a kernel without IPVS would load the module.
  return existsSync('/proc/net/ip_vs') ? [...(await readKernel({})).servers.keys()] : []
}
