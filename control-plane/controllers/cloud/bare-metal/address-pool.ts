// Addresses for load balancers: ranges that an administrator set aside on the nodes' own network. Pure bookkeeping.

import { type AddressRange, parseAddressRange, toAddress, toNumber } from '../../../../api/net/address-range.ts'
import { canonicalAddress, type IpFamily, ipFamilyOf } from '../../../../api/objects/addresses.ts'

/** Ranges and who has what of them. */
export class AddressPool {
  readonly #ranges: readonly AddressRange[]
  readonly #owners = new Map<string, string>()
  /** By range: where the search goes on, so that an address that was returned rests. */
  readonly #next: bigint[]

  /** Ranges such as "192.0.2.200-192.0.2.220" or "192.0.2.192/27". Throws what is wrong with one. */
  constructor(ranges: readonly string[]) {
    this.#ranges = ranges.map(parseAddressRange)
    this.#next = this.#ranges.map(({ first }) => first)
  }

  /** Whether the pool has any address of the family. */
  serves(family: IpFamily): boolean {
    return this.#ranges.some((range) => range.family === family)
  }

  /** Whether the address is one of the pool's. */
  has(address: string): boolean {
    const number = toNumber(address)
    const family = ipFamilyOf(address)
    return this.#ranges.some((range) => range.family === family && number >= range.first && number <= range.last)
  }

  ownerOf(address: string): string | undefined {
    return this.#owners.get(canonicalAddress(address))
  }

  /** Addresses of this owner. */
  of(owner: string): string[] {
    return [...this.#owners].flatMap(([address, holder]) => (holder === owner ? [address] : []))
  }

  /** Takes this very address. False when another has it. */
  take(address: string, owner: string): boolean {
    const key = canonicalAddress(address)
    const holder = this.#owners.get(key)
    if (holder !== undefined) return holder === owner
    this.#owners.set(key, owner)
    return true
  }

  /** Takes a free address, or returns undefined when there is none. */
  pick(family: IpFamily, owner: string): string | undefined {
    for (const [index, range] of this.#ranges.entries()) {
      if (range.family !== family) continue
      const address = this.#findFree(index, range)
      if (address === undefined) continue
      this.#owners.set(address, owner)
      return address
    }
    return undefined
  }

  /** Returns one address, or all that the owner has. */
  release(owner: string, address?: string): void {
    for (const held of address === undefined ? this.of(owner) : [canonicalAddress(address)])
      if (this.#owners.get(held) === owner) this.#owners.delete(held)
  }

  #findFree(index: number, { family, first, last }: AddressRange): string | undefined {
    const size = last - first + 1n
    const start = this.#next[index] ?? first
    // Of size + 1 addresses one is free unless all are taken: the loop is bounded by what is given out.
    for (let tried = 0n; tried < size && tried <= BigInt(this.#owners.size); tried++) {
      const number = first + ((start - first + tried) % size)
      const address = toAddress(number, family)
      if (this.#owners.has(address)) continue
      this.#next[index] = number === last ? first : number + 1n
      return address
    }
    return undefined
  }
}
