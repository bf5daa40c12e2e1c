// Reads the text of `iptables-save -c`: tables, chains with policies, rules with counters. Rules are understood one by one when
// a packet meets them, as a big node has far more than any packet meets.

import type { HookName, RuleReference } from '../../../../api/net/trace.ts'
import type { Family } from '../../../../api/objects/addresses.ts'
import { ownerOf } from '../owner.ts'
import type { BaseChain, Rule } from '../rules.ts'
import { IptablesRule } from './rule.ts'

interface Chain {
  policy?: 'accept' | 'drop'
  lines: string[]
  rules?: Rule[]
}

const hooks: Record<string, HookName> = {
  PREROUTING: 'prerouting',
  INPUT: 'input',
  FORWARD: 'forward',
  OUTPUT: 'output',
  POSTROUTING: 'postrouting',
}
/** include/uapi/linux/netfilter_ipv4.h; the nat table's depend on the side. */
const priorities: Record<string, number> = { raw: -300, mangle: -150, filter: 0, security: 50 }

/** The base chains of all tables in the text. */
export function parseIptables(text: string, family: Family): BaseChain[] {
  const prefix = family === 'ipv4' ? 'ip' : 'ip6'
  return [...readTables(text)].flatMap(([name, chains]) => {
    const table = `${prefix} ${name}`
    const rulesOf = (chain: string) => {
      const found = chains.get(chain)
      if (found === undefined) return undefined
      found.rules ??= found.lines.map((line) => toRule(line, table, chain))
      return found.rules
    }
    return [...chains].flatMap(([chain, { policy }]): BaseChain[] => {
      const hook = hooks[chain]
      if (hook === undefined || policy === undefined) return []
      const type = name === 'nat' ? 'nat' : name === 'mangle' && chain === 'OUTPUT' ? 'route' : 'filter'
      return [{ table, chain, type, hook, priority: priorityOf(name, hook), policy, rulesOf }]
    })
  })
}

function priorityOf(table: string, hook: HookName): number {
  if (table === 'nat') return hook === 'prerouting' || hook === 'output' ? -100 : 100
  return priorities[table] ?? 0
}

function readTables(text: string): Map<string, Map<string, Chain>> {
  const tables = new Map<string, Map<string, Chain>>()
  let chains = new Map<string, Chain>()
  for (const line of text.split('\n')) {
    if (line.startsWith('*')) {
      chains = new Map()
      tables.set(line.slice(1), chains)
    } else if (line.startsWith(':')) {
      const [name = '', policy = '-'] = line.slice(1).split(' ')
      chains.set(name, { lines: [], ...(policy !== '-' && { policy: policy === 'DROP' ? 'drop' : 'accept' }) })
    } else {
      const chain = /^(?:\[\d+:\d+\] )?-A (\S+)/.exec(line)?.[1]
      if (chain !== undefined) chains.get(chain)?.lines.push(line)
    }
  }
  return tables
}

function toRule(line: string, table: string, chain: string): Rule {
  const match = /^(?:\[(\d+):(\d+)\] )?-A \S+ ?(.*)$/.exec(line)
  const text = match?.[3] ?? ''
  const comment = /--comment (?:"((?:[^"\\]|\\.)*)"|(\S+))/.exec(text)
  const object = ownerOf(comment?.[1] ?? comment?.[2] ?? '', chain)
  const reference: RuleReference = {
    table,
    chain,
    text,
    ...(match?.[1] !== undefined && { packets: Number(match[1]), bytes: Number(match[2]) }),
    ...(object !== undefined && { object }),
  }
  return new IptablesRule(reference)
}
