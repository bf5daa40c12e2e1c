// Serves Services by nftables: one table per address family, whose sets and maps hold what Services want. The first call, a
// resync and the call after a failure read what the kernel holds; all others write elements that differ, and read nothing.

import type { Difference } from '../../../api/net/difference.ts'
import { familyOf } from '../../../api/objects/addresses.ts'
import { readTable, runNft } from '../../../cni/linux/nft.ts'
import type { BackendOptions, ProxyBackend, ServiceChanges } from '../backend.ts'
import { FamilyTable } from './family-table.ts'
import { readSlots } from './kernel-slots.ts'
import { type Listing, parseListing } from './listing.ts'
import type { Transaction } from './transaction.ts'
import { tableName } from './words.ts'

/** The tables as the kernel holds them, in the order of the backend's tables. */
type Listings = (Listing | undefined)[]

export class NftablesBackend implements ProxyBackend {
  readonly #options: BackendOptions
  readonly #tables: readonly FamilyTable[]
  /** Whether the kernel is known to hold what is wanted. */
  #kernelKnown = false

  constructor(options: BackendOptions) {
    this.#options = options
    const { clusterCidrs, serviceCidrs = [] } = options
    this.#tables = (['ipv4', 'ipv6'] as const).map((family) => {
      const ofFamily = (ranges: readonly string[]) => ranges.filter((range) => familyOf(range) === family)
      return new FamilyTable(family, { pods: ofFamily(clusterCidrs), services: ofFamily(serviceCidrs) })
    })
  }

  async apply(changes: ServiceChanges): Promise<void> {
    // Read first: numbers that endpoints have in the kernel stay theirs.
    const listings = this.#kernelKnown ? undefined : await this.#list()
    const transactions = this.#tables.map((table, index) =>
      table.change(changes, listings && readSlots(listings[index])),
    )
    await this.#commit(listings === undefined ? transactions : this.#compare(listings))
  }

  async resync(): Promise<void> {
    await this.#commit(this.#compare(await this.#list()))
  }

  async verify(): Promise<Difference[]> {
    const listings = await this.#list()
    return this.#tables.flatMap((table, index) => table.differences(listings[index]))
  }

  #compare(listings: Listings): Transaction[] {
    return this.#tables.map((table, index) => table.compare(listings[index]))
  }

  async #list(): Promise<Listings> {
    const texts = await Promise.all(this.#tables.map(({ family }) => readTable(tableName(family), this.#options)))
    return texts.map((text) => (text === undefined ? undefined : parseListing(text)))
  }

  /** Both families in one transaction. */
  async #commit(transactions: Transaction[]): Promise<void> {
    this.#kernelKnown = false
    const text = transactions.filter(({ isEmpty }) => !isEmpty).join('')
    if (text !== '') await runNft(text, this.#options)
    this.#kernelKnown = true
  }
}
