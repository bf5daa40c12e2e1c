// Builds the text for one iptables-restore: the chains to write, the rules to add and delete, the chains to remove.

/** nat, filter or mangle. */
type TableName = string

interface TableChanges {
  written: Map<string, string[]>
  inserted: [chain: string, rule: string][]
  deleted: [chain: string, rule: string][]
  removed: Set<string>
}

/**
 * So many chains are written by one text. iptables-nft 1.8 puts every name into a sorted list, one after the other: 100,000
 * would take it minutes.
 */
const chainsPerText = 1_000

/** Collects changes of all tables. */
export class RestoreScript {
  readonly #tables = new Map<TableName, TableChanges>()

  /** The chain gets exactly these rules; it is made if it is not there. */
  write(table: TableName, chain: string, rules: string[]): void {
    this.#changes(table).written.set(chain, rules)
  }

  /** Puts a rule first in a chain that exists. */
  insert(table: TableName, chain: string, rule: string): void {
    this.#changes(table).inserted.push([chain, rule])
  }

  /** Deletes a rule that the chain has. */
  delete(table: TableName, chain: string, rule: string): void {
    this.#changes(table).deleted.push([chain, rule])
  }

  /** Removes a chain that nothing refers to once this script is applied. */
  remove(table: TableName, chain: string): void {
    this.#changes(table).removed.add(chain)
  }

  get isEmpty(): boolean {
    return this.#tables.size === 0
  }

  /**
   * Texts to apply in their order, each at once or not at all; a few Services are one text. When there are more, chains come
   * after those that they lead to, and go when nothing leads to them: after every text packets find a whole set of rules.
   */
  *texts(): Iterable<string> {
    const main: string[] = []
    const removals: string[] = []
    for (const [table, changes] of this.#tables) {
      const written = divide(changes.written.size <= chainsPerText ? changes.written : orderByJumps(changes.written))
      const lastWritten = new Map(written.pop())
      for (const part of written) yield toText(table, { ...noChanges(), written: new Map(part) })
      const isMany = changes.removed.size > chainsPerText
      const removed = isMany ? new Set<string>() : changes.removed
      main.push(toText(table, { ...changes, written: lastWritten, removed }))
      if (isMany) removals.push(...removeInParts(table, [...changes.removed]))
    }
    yield main.join('')
    yield* removals
  }

  #changes(table: TableName): TableChanges {
    const changes = this.#tables.get(table) ?? noChanges()
    this.#tables.set(table, changes)
    return changes
  }
}

function noChanges(): TableChanges {
  return { written: new Map(), inserted: [], deleted: [], removed: new Set() }
}

function divide<T>(items: Iterable<T>): T[][] {
  const all = [...items]
  const count = Math.ceil(all.length / chainsPerText)
  return Array.from({ length: count }, (_, index) => all.slice(index * chainsPerText, (index + 1) * chainsPerText))
}

/** All are emptied first, as they lead to one another. */
function removeInParts(table: TableName, chains: string[]): string[] {
  const parts = divide(chains)
  const emptied = parts.map((part) => new Map(part.map((chain): [string, string[]] => [chain, []])))
  return [
    ...emptied.map((written) => toText(table, { ...noChanges(), written })),
    ...parts.map((part) => toText(table, { ...noChanges(), removed: new Set(part) })),
  ]
}

/** Each chain after those that its rules jump to. */
function orderByJumps(written: TableChanges['written']): [chain: string, rules: string[]][] {
  const ordered: [string, string[]][] = []
  const visited = new Set<string>()
  const visit = (chain: string): void => {
    const rules = written.get(chain)
    if (rules === undefined || visited.has(chain)) return
    visited.add(chain)
    for (const rule of rules) visit(/(?:^| )-j (\S+)/.exec(rule)?.[1] ?? '')
    ordered.push([chain, rules])
  }
  for (const chain of written.keys()) visit(chain)
  return ordered
}

/** A ":CHAIN" line makes or empties the chain. A chain can be removed (-X) only when it is empty and no rule jumps to it. */
function toText(table: TableName, { written, inserted, deleted, removed }: TableChanges): string {
  const declared = [...written.keys(), ...removed].map((chain) => `:${chain} - [0:0]`)
  const deletions = deleted.map(([chain, rule]) => `-D ${chain} ${rule}`)
  const rules = [...written].flatMap(([chain, lines]) => lines.map((line) => `-A ${chain} ${line}`))
  const insertions = inserted.map(([chain, rule]) => `-I ${chain} ${rule}`)
  const removals = [...removed].map((chain) => `-X ${chain}`)
  return `${[`*${table}`, ...declared, ...deletions, ...rules, ...insertions, ...removals, 'COMMIT'].join('\n')}\n`
}
