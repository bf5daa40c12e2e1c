// Serves Services by iptables. It knows what it wants of every chain; a change of one Service becomes the text of that
// Service's chains alone. Only the first call, a resync and the call after a failure read what the kernel holds.

import type { Difference } from '../../../api/net/difference.ts'
import { parseTable, restoreRules, saveTable } from '../../../cni/linux/iptables.ts'
import type { BackendOptions, ProxyBackend, ServiceChanges } from '../backend.ts'
import { isServiceChain } from './names.ts'
import { jumps, type PortRules, planBase, planPort, sharedChains, type TableName } from './rules.ts'
import { RestoreScript } from './script.ts'

const tables: readonly TableName[] = ['nat', 'filter']
const base = planBase()

export class IptablesBackend implements ProxyBackend {
  readonly #options: BackendOptions
  /** What is wanted, by Service key. */
  readonly #wanted = new Map<string, PortRules>()
  /** Whether the kernel is known to hold what is wanted, but for the changes at hand. */
  #kernelKnown = false

  constructor(options: BackendOptions) {
    this.#options = options
  }

  get #clusterCidr(): string {
    return this.#options.clusterCidrs[0] ?? '0.0.0.0/0'
  }

  async apply(changes: ServiceChanges): Promise<void> {
    const script = new RestoreScript()
    for (const [key, ports] of changes) {
      const rules = mergeRules(ports.map((port) => planPort(port, this.#clusterCidr)))
      writeDifference(script, this.#wanted.get(key), rules)
      if (ports.length === 0) this.#wanted.delete(key)
      else this.#wanted.set(key, rules)
    }
    if (!this.#kernelKnown) await this.resync()
    else await this.#restore(script)
  }

  async resync(): Promise<void> {
    this.#kernelKnown = false
    const script = new RestoreScript()
    for (const table of tables) this.#writeTable(script, table, parseTable(await saveTable(table, this.#options)))
    await this.#restore(script)
    this.#kernelKnown = true
  }

  async verify(): Promise<Difference[]> {
    const differences: Difference[] = []
    for (const table of tables) {
      const actual = parseTable(await saveTable(table, this.#options))
      const wanted = this.#wantedChains(table)
      for (const [chain, rules] of wanted)
        if (!isSame(table, chain, actual.get(chain), rules))
          differences.push({
            kind: 'chain',
            name: `${table} ${chain}`,
            state: actual.has(chain) ? 'different' : 'missing',
            owner: 'Services',
          })
      for (const chain of actual.keys())
        if (isServiceChain(chain) && !wanted.has(chain))
          differences.push({ kind: 'chain', name: `${table} ${chain}`, state: 'extra', owner: 'Services' })
      for (const [chain, rule] of jumps[table])
        if (actual.get(chain)?.includes(rule) !== true)
          differences.push({ kind: 'rule', name: `${table} ${rule}`, state: 'missing', owner: 'Services' })
    }
    return differences
  }

  async #restore(script: RestoreScript): Promise<void> {
    if (script.isEmpty) return
    const wasKnown = this.#kernelKnown
    this.#kernelKnown = false
    await restoreRules(script.toString(), this.#options)
    this.#kernelKnown = wasKnown
  }

  #writeTable(script: RestoreScript, table: TableName, actual: Map<string, string[]>): void {
    const wanted = this.#wantedChains(table)
    for (const [chain, rules] of wanted)
      if (!isSame(table, chain, actual.get(chain), rules)) script.write(table, chain, rules)
    for (const chain of actual.keys()) if (isServiceChain(chain) && !wanted.has(chain)) script.remove(table, chain)
    for (const [chain, rule] of jumps[table].toReversed())
      if (actual.get(chain)?.includes(rule) !== true) script.insert(table, chain, rule)
  }

  #wantedChains(table: TableName): Map<string, string[]> {
    const chains = new Map(base[table])
    const shared = new Map(Object.keys(sharedChains[table]).map((chain): [string, string[]] => [chain, []]))
    for (const rules of this.#wanted.values()) {
      if (table === 'nat') for (const [chain, lines] of rules.chains) chains.set(chain, lines)
      for (const [sharedTable, chain, rule] of rules.shared) if (sharedTable === table) shared.get(chain)?.push(rule)
    }
    for (const [chain, rules] of shared) chains.set(chain, [...rules, ...(sharedChains[table][chain] ?? [])])
    return chains
  }
}

function mergeRules(all: PortRules[]): PortRules {
  return { chains: new Map(all.flatMap(({ chains }) => [...chains])), shared: all.flatMap(({ shared }) => shared) }
}

/** Order counts in a chain of one Service; in a shared chain only the rule that must be last has a place. */
function isSame(table: TableName, chain: string, actual: string[] | undefined, wanted: string[]): boolean {
  if (actual === undefined || actual.length !== wanted.length) return false
  if (sharedChains[table][chain] === undefined) return actual.every((rule, index) => rule === wanted[index])
  const present = new Set(actual)
  return actual.at(-1) === wanted.at(-1) || sharedChains[table][chain].length === 0
    ? wanted.every((rule) => present.has(rule))
    : false
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
