// iptables keeps its rules in tables of nftables that all its users share. Whoever first calls it for one of them gets the
// table, and the chains of the kernel's hooks in it: empty ones that were not there before are removed again.

import { ifNoProgram } from '../cni/linux/missing-program.ts'
import { listRuleset, runNft } from '../cni/linux/nft.ts'

/** One object of `nft -j list ruleset`; only tables and chains of hooks are looked at more closely. */
export interface NftObject {
  kind: string
  family: string
  /** Its table's name. */
  table: string
  name: string
  hook?: string
  policy?: string
  /** Of a rule: where it is. */
  chain?: string
}

/** What there is now: "ip filter" for a table, "ip filter FORWARD" for a chain of a hook. Without nft there is nothing. */
export async function listHookChains(): Promise<string[]> {
  return (await readObjects()).filter(isShared).map(nameOf)
}

/** Removes what is there in addition to what was, as long as it is empty and lets everything pass. */
export async function removeEmptyChains(before: readonly string[]): Promise<void> {
  const text = planRemoval(await readObjects(), before)
  // A chain that has got a rule by now makes all of it fail.
  if (text !== '') await runNft(text)
}

/** Text for nft that removes what may go; empty when nothing may. Pure. */
export function planRemoval(objects: readonly NftObject[], before: readonly string[]): string {
  const filled = new Set(objects.flatMap((each) => (each.chain === undefined ? [] : [chainOf(each, each.chain)])))
  const added = objects.filter((object) => isShared(object) && !before.includes(nameOf(object)))
  const chains = added.filter(
    (object) => object.kind === 'chain' && object.policy === 'accept' && !filled.has(nameOf(object)),
  )
  const gone = new Set<NftObject>(chains)
  const isEmpty = (table: NftObject) =>
    objects.every(
      (each) => each === table || each.family !== table.family || each.table !== table.table || gone.has(each),
    )
  const tables = added.filter((object) => object.kind === 'table' && isEmpty(object))
  return [...chains, ...tables].map((object) => `delete ${object.kind} ${nameOf(object)}\n`).join('')
}

const tablesOfIptables = ['filter', 'nat', 'mangle', 'raw', 'security']

/** In capitals: a user's own chain of a hook, which may well be empty, is seldom named like this. */
const chainsOfIptables = ['PREROUTING', 'INPUT', 'FORWARD', 'OUTPUT', 'POSTROUTING']

const isShared = ({ kind, family, table, name, hook }: NftObject) =>
  ['ip', 'ip6'].includes(family) &&
  tablesOfIptables.includes(table) &&
  (kind === 'table' || (hook !== undefined && chainsOfIptables.includes(name)))

const chainOf = ({ family, table }: Pick<NftObject, 'family' | 'table'>, chain: string) => `${family} ${table} ${chain}`
const nameOf = (object: NftObject) =>
  object.kind === 'table' ? `${object.family} ${object.table}` : chainOf(object, object.name)

async function readObjects(): Promise<NftObject[]> {
  return (await listRuleset().catch(ifNoProgram([]))).flatMap(toObject)
}

/** Such as { chain: { family: "ip", table: "filter", name: "FORWARD", hook: "forward", policy: "accept" } }. */
function toObject(entry: unknown): NftObject[] {
  const [[kind, fields] = ['', {}]] = Object.entries(entry as Record<string, Partial<NftObject>>)
  const { family, table, name = '' } = fields
  if (family === undefined) return [] // what nft says of itself
  return [{ ...fields, kind, family, name, table: table ?? name }]
}
