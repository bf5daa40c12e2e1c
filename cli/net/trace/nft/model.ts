// Reads the objects of `nft -j list ruleset` (man libnftables-json) into base chains, chains, sets and maps.

import type { HookName, RuleReference } from '../../../../api/net/trace.ts'
import type { Family } from '../../../../api/objects/addresses.ts'
import { ownerOf } from '../owner.ts'
import type { BaseChain, Rule } from '../rules.ts'
import { formatRule } from './format.ts'
import { NftRule } from './rule.ts'

/** Whatever JSON may hold; rules are trees of it. */
export type Json = string | number | boolean | null | Json[] | { [key: string]: Json }
export type JsonObject = { [key: string]: Json }

/** Elements of a set, or pairs of a map. */
export type Elements = readonly Json[]

export interface NftTable {
  /** "inet fairlead-policy". */
  name: string
  /** Sets and maps by name. */
  sets: Map<string, Elements>
  /** Names of limits that match what is more than their rate. */
  overLimits: Set<string>
}

interface RawChain {
  family: string
  table: string
  name: string
  type?: string
  hook?: string
  prio?: number
  policy?: string
}

interface RawRule {
  family: string
  table: string
  chain: string
  comment?: string
  expr: JsonObject[]
}

const hookNames = new Set<string>(['prerouting', 'input', 'forward', 'output', 'postrouting'])

/** The base chains that packets of the family meet, without tables that iptables wrote (`skipped`: "ip nat"). */
export function parseNft(objects: readonly unknown[], family: Family, skipped: ReadonlySet<string>): BaseChain[] {
  const own = family === 'ipv4' ? 'ip' : 'ip6'
  const mine = (table: { family: string; name?: string; table?: string }) =>
    (table.family === own || table.family === 'inet') && !skipped.has(`${table.family} ${table.table ?? table.name}`)
  const chains: RawChain[] = []
  const lines = new Map<string, RawRule[]>()
  const tables = new Map<string, NftTable>()
  for (const object of objects as {
    chain?: RawChain
    rule?: RawRule
    set?: RawSet
    map?: RawSet
    limit?: RawLimit
  }[]) {
    const { chain, rule, set = object.map, limit } = object
    if (chain !== undefined && mine(chain)) chains.push(chain)
    if (rule !== undefined && mine(rule)) {
      const key = `${rule.family} ${rule.table} ${rule.chain}`
      const before = lines.get(key)
      if (before === undefined) lines.set(key, [rule])
      else before.push(rule)
    }
    if (set !== undefined && mine(set)) tableOf(tables, set).sets.set(set.name, set.elem ?? [])
    if (limit?.inv === true && mine(limit)) tableOf(tables, limit).overLimits.add(limit.name)
  }
  return chains.flatMap((chain) => toBase(chain, lines, tables))
}

interface RawSet {
  family: string
  table: string
  name: string
  elem?: Json[]
}

interface RawLimit {
  family: string
  table: string
  name: string
  inv?: boolean
}

function tableOf(tables: Map<string, NftTable>, { family, table }: { family: string; table: string }): NftTable {
  const name = `${family} ${table}`
  const found = tables.get(name) ?? { name, sets: new Map(), overLimits: new Set() }
  tables.set(name, found)
  return found
}

function toBase(chain: RawChain, lines: Map<string, RawRule[]>, tables: Map<string, NftTable>): BaseChain[] {
  const { hook = '', prio = 0, type = 'filter', policy = 'accept', name } = chain
  if (!hookNames.has(hook)) return []
  const table = tableOf(tables, chain)
  const read = new Map<string, Rule[]>()
  const rulesOf = (wanted: string) => {
    const rules = read.get(wanted) ?? lines.get(`${table.name} ${wanted}`)?.map((rule) => toRule(rule, table)) ?? []
    read.set(wanted, rules)
    return rules
  }
  return [
    {
      table: table.name,
      chain: name,
      type: type === 'nat' || type === 'route' ? type : 'filter',
      hook: hook as HookName,
      priority: prio,
      policy: policy === 'drop' ? 'drop' : 'accept',
      rulesOf,
    },
  ]
}

function toRule({ chain, comment = '', expr }: RawRule, table: NftTable): Rule {
  const counter = expr.find((statement) => 'counter' in statement)?.counter
  const object = ownerOf(comment, chain, table.name)
  const reference: RuleReference = {
    table: table.name,
    chain,
    text: `${formatRule(expr)}${comment === '' ? '' : ` comment "${comment}"`}`,
    ...(isObject(counter) && { packets: Number(counter.packets), bytes: Number(counter.bytes) }),
    ...(object !== undefined && { object }),
  }
  return new NftRule(reference, expr, table)
}

export function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
