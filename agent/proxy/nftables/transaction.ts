// Builds the text of one nft transaction on one table.

import type { Family } from '../../../api/objects/addresses.ts'
import type { Element } from './elements.ts'
import { declareTable, type Ranges } from './ruleset.ts'
import { tableName } from './words.ts'

/** Collects changes of one table. All of them are applied at once or not at all. */
export class Transaction {
  readonly #table: string
  /** Text that comes before all changes. */
  #declared = ''
  readonly #written = new Map<string, readonly string[]>()
  readonly #removed = new Set<string>()
  readonly #deleted = new Map<string, string[]>()
  readonly #added = new Map<string, string[]>()

  constructor(family: Family) {
    this.#table = tableName(family)
  }

  /** The table is made anew, without elements; whatever it held goes. */
  declare(family: Family, ranges: Ranges): void {
    // A table that does not exist cannot be deleted, but one that exists may be added.
    this.#declared = `add table ${this.#table}\ndelete table ${this.#table}\n${declareTable(family, ranges)}`
  }

  /** The chain gets exactly these rules; it is made if it is not there. */
  writeChain(name: string, rules: readonly string[]): void {
    this.#written.set(name, rules)
  }

  /** Removes a chain to which nothing leads once this transaction is through. */
  removeChain(name: string): void {
    this.#removed.add(name)
  }

  add({ set, key, value, comment }: Element): void {
    const words = comment === undefined ? '' : ` comment "${comment}"`
    collect(this.#added, set, `${key}${words}${value === undefined ? '' : ` : ${value}`}`)
  }

  delete(set: string, key: string): void {
    collect(this.#deleted, set, key)
  }

  get isEmpty(): boolean {
    const changes = this.#written.size + this.#removed.size + this.#deleted.size + this.#added.size
    return this.#declared === '' && changes === 0
  }

  /** Chains are there before anything leads to them, and go when nothing does any more. */
  toString(): string {
    const chains = [...this.#written.keys(), ...this.#removed]
    return [
      this.#declared,
      ...[...this.#written.keys()].map((name) => `add chain ${this.#table} ${name}\n`),
      ...chains.map((name) => `flush chain ${this.#table} ${name}\n`),
      ...[...this.#written].flatMap(([name, rules]) =>
        rules.map((rule) => `add rule ${this.#table} ${name} ${rule}\n`),
      ),
      ...[...this.#deleted].map(([set, keys]) => this.#elements('delete', set, keys)),
      ...[...this.#added].map(([set, keys]) => this.#elements('add', set, keys)),
      ...[...this.#removed].map((name) => `delete chain ${this.#table} ${name}\n`),
    ].join('')
  }

  #elements(verb: 'add' | 'delete', set: string, keys: string[]): string {
    return `${verb} element ${this.#table} ${set} {\n${keys.join(',\n')}\n}\n`
  }
}

function collect(lists: Map<string, string[]>, name: string, line: string): void {
  const list = lists.get(name)
  if (list === undefined) lists.set(name, [line])
  else list.push(line)
}
