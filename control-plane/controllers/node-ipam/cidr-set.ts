// Equal parts of one range, given out one by one. Pure bookkeeping; addresses are numbers, so both families work alike.

import ipaddr from 'ipaddr.js'
import { parseAddressRange, toAddress, toNumber } from '../../../api/net/address-range.ts'
import { type IpFamily, ipFamilyOf } from '../../../api/objects/addresses.ts'

/** The parts of a cluster's range that nodes have. */
export class CidrSet {
  readonly #family: IpFamily
  readonly #first: bigint
  readonly #partBits: number
  readonly #maskSize: number
  readonly #count: number
  readonly #taken = new Set<number>()
  /** Where the search goes on: a part that was returned rests as long as others are free. */
  #next = 0

  /** Throws an Error if the range is not one, or smaller than a part. */
  constructor(clusterCidr: string, partMaskSize: number) {
    const [, prefix] = ipaddr.parseCIDR(clusterCidr)
    const { family, first } = parseAddressRange(clusterCidr)
    this.#family = family
    this.#first = first
    const width = family === 'IPv6' ? 128 : 32
    if (partMaskSize < prefix || partMaskSize > width) {
      throw new Error(`cannot cut ${clusterCidr} into parts of /${partMaskSize}`)
    }
    this.#maskSize = partMaskSize
    this.#partBits = width - partMaskSize
    this.#count = 2 ** Math.min(partMaskSize - prefix, 30)
  }

  /** Takes a free part, or returns undefined if there is none. */
  allocate(): string | undefined {
    if (this.#taken.size === this.#count) return undefined
    while (this.#taken.has(this.#next)) this.#next = (this.#next + 1) % this.#count
    const index = this.#next
    this.#taken.add(index)
    this.#next = (index + 1) % this.#count
    return this.#format(index)
  }

  /** Marks a part as taken. False if it was taken, or is no part of this range. */
  occupy(cidr: string): boolean {
    const index = this.#indexOf(cidr)
    if (index === undefined || this.#taken.has(index)) return false
    this.#taken.add(index)
    return true
  }

  /** Returns a part. */
  release(cidr: string): void {
    const index = this.#indexOf(cidr)
    if (index !== undefined) this.#taken.delete(index)
  }

  #indexOf(cidr: string): number | undefined {
    if (!ipaddr.isValidCIDR(cidr)) return undefined
    const [address, prefix] = ipaddr.parseCIDR(cidr)
    if (prefix !== this.#maskSize || ipFamilyOf(cidr) !== this.#family) return undefined
    const offset = toNumber(address.toString()) - this.#first
    const index = offset >> BigInt(this.#partBits)
    return offset < 0n || index >= BigInt(this.#count) ? undefined : Number(index)
  }

  #format(index: number): string {
    const number = this.#first + (BigInt(index) << BigInt(this.#partBits))
    return `${toAddress(number, this.#family)}/${this.#maskSize}`
  }
}
