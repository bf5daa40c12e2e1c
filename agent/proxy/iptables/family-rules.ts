// The rules of one address family: what is wanted of every chain, and what must be written so that the kernel holds it. A
// change of one Service becomes the text of that Service's chains alone.

import type { Difference } from '../../../api/net/difference.ts'
import type { Family } from '../../../api/objects/addresses.ts'
import { parseTable, restoreRules, saveTable } from '../../../cni/linux/iptables.ts'
import type { ServiceChanges } from '../backend.ts'
import { fixedChains, jumps, planSharedChains, type RuleSet, type TableName, tables } from './base.ts'
import { isServiceChain } from './names.ts'
import { type PortRules, planPort } from './rules.ts'
import { RestoreScript } from './script.ts'
import type { Way } from './way.ts'

type Chains = Map<string, string[]>

export class FamilyRules {
  readonly family: Family
  readonly #where: { netns?: string }
  readonly #way: Way
  /** Rules that end the shared chains. */
  readonly #shared: RuleSet
  /** What is wanted, by Service key. */
  readonly #wanted = new Map<string, PortRules>()
  /** Whether the kernel is known to hold what is wanted, but for the changes at hand. */
  #kernelKnown = false

  constructor(family: Family, way: Way, { netns }: { netns?: string }) {
    this.family = family
    this.#way = way
    this.#shared = planSharedChains(family, way)
    this.#where = netns === undefined ? {} : { netns }
  }

  /** Only the first call and that after a failure read what the kernel holds. */
  async apply(changes: ServiceChanges): Promise<void> {
    const script = new RestoreScript()
    for (const [key, ports] of changes) {
      const own = ports.filter(({ family }) => family === this.family)
      const rules = mergeRules(own.map((port) => planPort(port, this.#way)))
      writeDifference(script, this.#wanted.get(key), rules)
      if (own.length === 0) this.#wanted.delete(key)
      else this.#wanted.set(key, rules)
    }
    if (!this.#kernelKnown) await this.resync()
    else await this.#restore(script)
  }

  async resync(): Promise<void> {
    this.#kernelKnown = false
    const script = new RestoreScript()
    for (const table of tables) this.#writeTable(script, table, await this.#read(table))
    await this.#restore(script)
    this.#kernelKnown = true
  }

  async verify(): Promise<Difference[]> {
    const all = await Promise.all(tables.map(async (table) => this.#compare(table, await this.#read(table))))
    return all.flat()
  }

  #compare(table: TableName, actual: Chains): Difference[] {
    const toDifference = (kind: Difference['kind'], name: string, state: Difference['state']): Difference => ({
      kind,
      name: `${this.family === 'ipv6' ? 'ip6 ' : ''}${table} ${name}`,
      state,
      owner: 'Services',
    })
    const wanted = this.#wantedChains(table)
    const wrong = [...wanted]
      .filter(([chain, rules]) => !this.#isSame(table, chain, actual.get(chain), rules))
      .map(([chain]) => toDifference('chain', chain, actual.has(chain) ? 'different' : 'missing'))
    const extra = [...actual.keys()].filter((chain) => isServiceChain(chain) && !wanted.has(chain))
    const lost = jumps[table].filter(([chain, rule]) => actual.get(chain)?.includes(rule) !== true)
    return [
      ...wrong,
      ...extra.map((chain) => toDifference('chain', chain, 'extra')),
      ...lost.map(([chain, rule]) => toDifference('rule', `${chain} ${rule}`, 'missing')),
    ]
  }

  async #read(table: TableName): Promise<Chains> {
    return parseTable(await saveTable(table, { ...this.#where, family: this.family }))
  }

  async #restore(script: RestoreScript): Promise<void> {
    if (script.isEmpty) return
    const wasKnown = this.#kernelKnown
    this.#kernelKnown = false
    for (const text of script.texts()) await restoreRules(text, { ...this.#where, family: this.family })
    this.#kernelKnown = wasKnown
  }

  #writeTable(script: RestoreScript, table: TableName, actual: Chains): void {
    const wanted = this.#wantedChains(table)
    for (const [chain, rules] of wanted)
      if (!this.#isSame(table, chain, actual.get(chain), rules)) script.write(table, chain, rules)
    for (const chain of actual.keys()) if (isServiceChain(chain) && !wanted.has(chain)) script.remove(table, chain)
    for (const [chain, rule] of jumps[table].toReversed())
      if (actual.get(chain)?.includes(rule) !== true) script.insert(table, chain, rule)
  }

  #wantedChains(table: TableName): Chains {
    const chains = new Map(fixedChains[table])
    const shared = new Map([...this.#shared[table].keys()].map((chain): [string, string[]] => [chain, []]))
    for (const rules of this.#wanted.values()) {
      if (table === 'nat') for (const [chain, lines] of rules.chains) chains.set(chain, lines)
      for (const [sharedTable, chain, rule] of rules.shared) if (sharedTable === table) shared.get(chain)?.push(rule)
    }
    for (const [chain, rules] of shared) chains.set(chain, [...rules, ...(this.#shared[table].get(chain) ?? [])])
    return chains
  }

  /** Order counts in a chain of one Service; in a shared chain only the rules that must be last have a place. */
  #isSame(table: TableName, chain: string, actual: string[] | undefined, wanted: string[]): boolean {
    if (actual === undefined || actual.length !== wanted.length) return false
    const last = this.#shared[table].get(chain)
    if (last === undefined) return actual.every((rule, index) => rule === wanted[index])
    const present = new Set(actual)
    const firstOfLast = actual.length - last.length
    return (
      last.every((rule, index) => actual[firstOfLast + index] === rule) && wanted.every((rule) => present.has(rule))
    )
  }
}

function mergeRules(all: PortRules[]): PortRules {
  return { chains: new Map(all.flatMap(({ chains }) => [...chains])), shared: all.flatMap(({ shared }) => shared) }
}

function writeDifference(script: RestoreScript, old: PortRules | undefined, now: PortRules): void {
  for (const [chain, rules] of now.chains)
    if (old?.chains.get(chain)?.join('\n') !== rules.join('\n')) script.write('nat', chain, rules)
  for (const chain of old?.chains.keys() ?? []) if (!now.chains.has(chain)) script.remove('nat', chain)
  const toText = (shared: PortRules['shared'][number]) => shared.join(' ')
  const [before, after] = [new Set(old?.shared.map(toText)), new Set(now.shared.map(toText))]
  for (const shared of now.shared) if (!before.has(toText(shared))) script.insert(...shared)
  for (const shared of old?.shared ?? []) if (!after.has(toText(shared))) script.delete(...shared)
}
