// This node's own iptables rules and kernel settings for pod traffic, apart from Services, which the proxy serves.

import { readFile, writeFile } from 'node:fs/promises'
import { parseTable, restoreRules, saveTable } from '../../cni/linux/iptables.ts'
import type { planRules } from './plan.ts'

type Rules = ReturnType<typeof planRules>

/** Holds the kernel at these rules; writes only what differs. */
export async function ensureRules(rules: Rules): Promise<void> {
  for (const table of ['nat', 'filter'] as const) {
    const { chain, rules: wanted, jump } = rules[table]
    const [from, jumpRule] = jump
    const actual = parseTable(await saveTable(table))
    const stale = staleJumps(actual, from, chain, jumpRule)
    const isThere = actual.get(from)?.includes(jumpRule) === true
    const lines = [
      ...(actual.get(chain)?.join('\n') === wanted.join('\n')
        ? []
        : [`:${chain} - [0:0]`, ...wanted.map((rule) => `-A ${chain} ${rule}`)]),
      ...stale.map((rule) => `-D ${from} ${rule}`),
      ...(isThere ? [] : [`-A ${from} ${jumpRule}`]),
    ]
    if (lines.length > 0) await restoreRules(`*${table}\n${lines.join('\n')}\nCOMMIT\n`)
  }
}

function staleJumps(actual: Map<string, string[]>, from: string, chain: string, wanted: string | undefined): string[] {
  return (actual.get(from) ?? []).filter((rule) => rule.endsWith(`-j ${chain}`) && rule !== wanted)
}

/** Kernel settings of this network namespace without which pods reach nobody. */
const sysctls: Record<string, string> = {
  'net/ipv4/ip_forward': '1',
  // Two pods on one bridge that speak through a ClusterIP: replies must pass the connection tracking that changed the address.
  'net/bridge/bridge-nf-call-iptables': '1',
}

/** Sets them where they are not; a kernel without bridge netfilter as a module says how to get it. */
export async function ensureSysctls(): Promise<void> {
  for (const [name, wanted] of Object.entries(sysctls)) {
    const path = `/proc/sys/${name}`
    try {
      if ((await readFile(path, 'utf8')).trim() !== wanted) await writeFile(path, wanted)
    } catch (error) {
      throw new Error(
        `cannot set ${name.replaceAll('/', '.')} to ${wanted}${name.startsWith('net/bridge') ? ': is the module br_netfilter loaded (modprobe br_netfilter)?' : ''}`,
        { cause: error },
      )
    }
  }
}
