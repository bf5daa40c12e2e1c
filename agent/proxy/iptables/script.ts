// Builds the text for one iptables-restore: the chains to write, the rules to add and delete, the chains to remove.

/** nat, filter or mangle. */
type TableName = string

interface TableChanges {
  written: Map<string, string[]>
  inserted: [chain: string, rule: string][]
  deleted: [chain: string, rule: string][]
  removed: Set<string>
}

/** Collects changes of both tables; all of them are applied at once or not at all. */
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

  toString(): string {
    return [...this.#tables].map(([table, changes]) => toText(table, changes)).join('')
  }

  #changes(table: TableName): TableChanges {
    const changes = this.#tables.get(table) ?? { written: new Map(), inserted: [], deleted: [], removed: new Set() }
    this.#tables.set(table, changes)
    return changes
  }
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
