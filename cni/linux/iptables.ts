// The only door to iptables: whole tables are read with iptables-save and changed with iptables-restore --noflush, which
// applies a text at once or not at all. -w waits for the lock that other users of iptables (Docker, the user) take.

import { readFile } from 'node:fs/promises'
import { type RunOptions, run } from './exec.ts'
import { hasCode } from './system-error.ts'

/** Whose rules: iptables', unless the family is ipv6. */
export type TableOptions = Pick<RunOptions, 'netns'> & { family?: 'ipv4' | 'ipv6' }

/** The rules of one table, as iptables-save prints them. */
export async function saveTable(table: string, { family, ...options }: TableOptions = {}): Promise<string> {
  return await run(`${program(family)}-save`, ['-t', table], options)
}

/** The rules of all tables by the table's name, each as saveTable returns it: one start of a program instead of one a table. */
export async function saveTables({ family, ...options }: TableOptions = {}): Promise<Map<string, string>> {
  const saved = await run(`${program(family)}-save`, [], options)
  return new Map(saved.split(/^\*/m).map((text) => [text.slice(0, text.indexOf('\n')), text]))
}

/** All tables of one family with counters; `legacy` asks the older variant, whose rules the kernel runs beside the others. */
export async function saveAll(
  version: 4 | 6,
  options: Pick<RunOptions, 'netns'> = {},
  variant: 'nft' | 'legacy' = 'nft',
): Promise<string> {
  const family = version === 4 ? 'iptables' : 'ip6tables'
  return await run(`${family}-${variant}-save`, ['-c'], options)
}

/** Whether the namespace has tables of the legacy variant. Reads a file where it can: programs cost more. */
export async function hasLegacyTables(version: 4 | 6, { netns }: Pick<RunOptions, 'netns'> = {}): Promise<boolean> {
  const process = netns === undefined ? '/proc/self' : /^\/proc\/\d+(?=\/ns\/net$)/.exec(netns)?.[0]
  if (process === undefined) return true
  try {
    return (await readFile(`${process}/net/ip${version === 4 ? '' : '6'}_tables_names`, 'utf8')) !== ''
  } catch (error) {
    // Without the module there is no such file, and no table.
    if (hasCode(error, 'ENOENT')) return false
    throw error
  }
}

/** Applies a text in the format of iptables-save; chains that it does not name stay as they are. */
export async function restoreRules(text: string, { family, ...options }: TableOptions = {}): Promise<void> {
  await run(`${program(family)}-restore`, ['--noflush', '-w', '5'], { ...options, input: text })
}

function program(family: TableOptions['family']): string {
  return family === 'ipv6' ? 'ip6tables' : 'iptables'
}

/** Chains and their rules (as after "-A CHAIN ") in one table's text of iptables-save. */
export function parseTable(saved: string): Map<string, string[]> {
  const chains = new Map<string, string[]>()
  for (const line of saved.split('\n')) {
    if (line.startsWith(':')) chains.set(line.slice(1, line.indexOf(' ')), [])
    const match = /^-A (\S+) (.*)$/.exec(line)
    if (match?.[1] !== undefined && match[2] !== undefined) chains.get(match[1])?.push(match[2])
  }
  return chains
}
