// What is wanted of the nftables table of one address family. It turns a change of Services into the elements that differ,
// and what the kernel holds into the elements that it lacks. No I/O.

import type { Difference } from '../../../api/net/difference.ts'
import type { Family } from '../../../api/objects/addresses.ts'
import type { ServicePort } from '../table.ts'
import { Claims } from './claims.ts'
import { Counter } from './counter.ts'
import {
  claimsOf,
  type Element,
  formatEndpoint,
  type NumberedPort,
  planService,
  type ServicePlan,
  type Slots,
} from './elements.ts'
import { type Listing, normalizeRule } from './listing.ts'
import { fixedChains, isSetName, layoutComment, type Ranges } from './ruleset.ts'
import { assignSlots } from './slots.ts'
import { nextChains, type Spread, spreadChain, spreadRules } from './spread-chains.ts'
import { Transaction } from './transaction.ts'
import { tableName } from './words.ts'

/** The numbers that a port's endpoints have already. */
export type SlotSource = (port: ServicePort) => Record<keyof Slots, readonly (string | undefined)[]>

const noSlots: SlotSource = () => ({ cluster: [], local: [] })

export class FamilyTable {
  readonly family: Family
  readonly #ranges: Ranges
  /** Elements are worked out when they are needed: they are many. */
  readonly #wanted = new Map<string, NumberedPort[]>()
  readonly #claims = new Claims()
  /** How many Services use a chain, or an address of this node's endpoints. */
  readonly #chains = new Counter()
  readonly #spreads = new Map<string, Spread>()
  readonly #addresses = new Counter()
  /** Whether the kernel has the table, as far as is known. A kernel without IPv6 is never asked for a table of it. */
  #exists = false

  constructor(family: Family, ranges: Ranges) {
    this.family = family
    this.#ranges = ranges
  }

  /** Whether any Service wants this family. */
  get isWanted(): boolean {
    return this.#wanted.size > 0
  }

  /** Takes the changes in and returns what they change in a kernel that holds what was wanted before. */
  change(changes: ReadonlyMap<string, readonly ServicePort[]>, slots: SlotSource = noSlots): Transaction {
    const claims = [...changes].map(([key, all]) => {
      const ports = all.filter(({ family }) => family === this.family)
      const before = (this.#wanted.get(key) ?? []).flatMap(({ port }) => claimsOf(port))
      return { key, ports, before, after: ports.flatMap(claimsOf) }
    })
    const touched = new Set(claims.map(({ key }) => key))
    for (const { key, before, after } of claims)
      for (const rival of this.#claims.rivals(key, before, after)) touched.add(rival)
    const before = [...touched].map((key) => this.#plan(key))
    for (const { key, before: old, after } of claims) this.#claims.change(key, old, after)
    for (const { key, ports } of claims) this.#take(key, ports, slots)
    const transaction = this.#difference(
      before,
      [...touched].map((key) => this.#plan(key)),
    )
    return this.#exists ? transaction : this.compare(undefined)
  }

  /** What a kernel with this table lacks, and what it has too much. */
  compare(listing: Listing | undefined): Transaction {
    const transaction = new Transaction(this.family)
    this.#exists = listing !== undefined || this.isWanted
    if (!this.#exists) return transaction
    const isWhole = listing !== undefined && this.#isWhole(listing)
    if (!isWhole) transaction.declare(this.family, this.#ranges)
    const actual = isWhole ? listing : emptyListing()
    for (const [name, rules] of this.#wantedChains())
      if (isWhole || !this.#isFixed(name))
        if (!isSame(actual.chains.get(name), rules)) transaction.writeChain(name, rules.filter(isRule))
    for (const name of actual.chains.keys()) if (!this.#isNeeded(name)) transaction.removeChain(name)
    for (const [element, state] of this.#compareElements(actual)) {
      if (state !== 'missing') transaction.delete(element.set, element.key)
      if (state !== 'extra') transaction.add(element)
    }
    return transaction
  }

  /** The same as compare(), for people. */
  differences(listing: Listing | undefined): Difference[] {
    if (listing === undefined && !this.isWanted) return []
    const actual = listing ?? emptyListing()
    const table = tableName(this.family)
    const chains = [...this.#wantedChains()].flatMap(([name, rules]): Difference[] => {
      const present = actual.chains.get(name)
      if (isSame(present, rules)) return []
      const state = present === undefined ? 'missing' : 'different'
      return [{ kind: 'chain', name: `${table} ${name}`, state, owner: 'Services' }]
    })
    const extra = [...actual.chains.keys()]
      .filter((name) => !this.#isNeeded(name))
      .map((name): Difference => ({ kind: 'chain', name: `${table} ${name}`, state: 'extra', owner: 'Services' }))
    const elements = [...this.#compareElements(actual)].map(([element, state, detail]): Difference => {
      const owner = element.comment === undefined ? 'Services' : `Service ${element.comment.split(':')[0]}`
      const name = `${table} ${element.set} { ${element.key} }`
      return { kind: 'element', name, state, owner, ...(detail !== undefined && { detail }) }
    })
    return [...chains, ...extra, ...elements]
  }

  #take(key: string, ports: ServicePort[], slots: SlotSource): void {
    const old = this.#wanted.get(key) ?? []
    const numbered = ports.map((port) => {
      const known = old.find((each) => each.port.id === port.id && each.port.protocol === port.protocol)
      const { cluster, local } = known?.slots ?? slots(port)
      return { port, slots: { cluster: assign(cluster, port.cluster), local: assign(local, port.local) } }
    })
    if (numbered.length === 0) this.#wanted.delete(key)
    else this.#wanted.set(key, numbered)
  }

  #plan(key: string): ServicePlan {
    return planService(this.#wanted.get(key) ?? [], (claim) => this.#claims.owns(key, claim))
  }

  #difference(before: ServicePlan[], after: ServicePlan[]): Transaction {
    const transaction = new Transaction(this.family)
    const old = new Map(before.flatMap(({ elements }) => elements.map((element) => [textOf(element), element])))
    for (const element of after.flatMap(({ elements }) => elements)) {
      const known = old.get(textOf(element))
      old.delete(textOf(element))
      if (known !== undefined && known.value === element.value && known.comment === element.comment) continue
      if (known !== undefined) transaction.delete(element.set, element.key)
      transaction.add(element)
    }
    for (const { set, key } of old.values()) transaction.delete(set, key)
    this.#countChains(transaction, before, after)
    this.#countAddresses(transaction, before, after)
    return transaction
  }

  #countChains(transaction: Transaction, before: ServicePlan[], after: ServicePlan[]): void {
    const spreadsOf = (plans: ServicePlan[]) =>
      plans.flatMap(({ spreads }) => spreads.flatMap((spread) => [spread, ...nextChains(spread)]))
    const wanted = spreadsOf(after)
    for (const spread of wanted) this.#spreads.set(spreadChain(spread), spread)
    const { added, removed } = this.#chains.change(spreadsOf(before).map(spreadChain), wanted.map(spreadChain))
    for (const name of added) {
      const spread = this.#spreads.get(name)
      if (spread !== undefined) transaction.writeChain(name, spreadRules(spread, this.family, this.#ranges.pods))
    }
    for (const name of removed) {
      this.#spreads.delete(name)
      transaction.removeChain(name)
    }
  }

  #countAddresses(transaction: Transaction, before: ServicePlan[], after: ServicePlan[]): void {
    const addressesOf = (plans: ServicePlan[]) => plans.flatMap(({ localAddresses }) => localAddresses)
    const { added, removed } = this.#addresses.change(addressesOf(before), addressesOf(after))
    for (const address of added) transaction.add(toHairpin(address))
    for (const address of removed) transaction.delete('hairpin-connections', toHairpin(address).key)
  }

  /** Whether the table has all that no change of Services makes: if not, it is another version's, or somebody took it apart. */
  #isWhole({ comment, sets, chains }: Listing): boolean {
    const fixed = [...fixedChains(this.family, this.#ranges).keys()]
    return comment === layoutComment && sets.has('affinity') && fixed.every((name) => chains.has(name))
  }

  #isFixed(chain: string): boolean {
    return fixedChains(this.family, this.#ranges).has(chain)
  }

  #isNeeded(chain: string): boolean {
    return this.#spreads.has(chain) || this.#isFixed(chain)
  }

  *#wantedChains(): Iterable<[string, string[]]> {
    yield* fixedChains(this.family, this.#ranges)
    for (const [name, spread] of this.#spreads) yield [name, spreadRules(spread, this.family, this.#ranges.pods)]
  }

  *#wantedElements(): Iterable<Element> {
    for (const key of this.#wanted.keys()) yield* this.#plan(key).elements
    for (const address of this.#addresses.keys()) yield toHairpin(address)
  }

  /** Takes what it finds out of the listing: what is left is extra. */
  *#compareElements({ sets }: Listing): Iterable<[Element, Difference['state'], string?]> {
    for (const element of this.#wantedElements()) {
      const actual = sets.get(element.set)?.get(element.key)
      sets.get(element.set)?.delete(element.key)
      if (actual === undefined) yield [element, 'missing']
      else if (actual.value !== element.value || actual.comment !== element.comment)
        yield [element, 'different', `${actual.value ?? actual.comment} instead of ${element.value ?? element.comment}`]
    }
    for (const [set, elements] of sets)
      if (isSetName(set)) for (const [key, element] of elements) yield [{ set, key, ...element }, 'extra']
  }
}

const emptyListing = (): Listing => ({ sets: new Map(), chains: new Map() })

const assign = (previous: readonly (string | undefined)[], endpoints: ServicePort['cluster']) =>
  assignSlots(previous, endpoints.map(formatEndpoint))

const textOf = ({ set, key }: Element) => `${set} ${key}`

const toHairpin = (address: string): Element => ({ set: 'hairpin-connections', key: `${address} . ${address}` })

/** The first line of a base chain is no rule. */
const isRule = (line: string) => !line.startsWith('type ')

function isSame(actual: readonly string[] | undefined, wanted: readonly string[]): boolean {
  return actual?.length === wanted.length && wanted.every((rule, index) => normalizeRule(rule) === actual[index])
}
