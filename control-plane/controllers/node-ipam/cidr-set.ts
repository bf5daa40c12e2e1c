// Equal parts of one range, given out one by one. Pure bookkeeping; addresses are numbers, so both families work alike.

import ipaddr from 'ipaddr.js'

/** The parts of a cluster's range that nodes have. */
export class CidrSet {
  readonly #isIpv6: boolean
  readonly #first: bigint
  readonly #partBits: number
  readonly #maskSize: number
  readonly #count: number
  readonly #taken = new Set<number>()
  /** Where the search goes on: a part that was returned rests as long as others are free. */
  #next = 0

  /** Throws an Error if the range is not one, or smaller than a part. */
  constructor(clusterCidr: string, partMaskSize: number) {
    const [address, prefix] = ipaddr.parseCIDR(clusterCidr)
    this.#isIpv6 = address.kind() === 'ipv6'
    const width = this.#isIpv6 ? 128 : 32
    if (partMaskSize < prefix || partMaskSize > width) {
      throw new Error(`cannot cut ${clusterCidr} into parts of /${partMaskSize}`)
    }
    this.#maskSize = partMaskSize
    this.#partBits = width - partMaskSize
    const bits = BigInt(width - prefix)
    this.#first = (toNumber(address.toByteArray()) >> bits) << bits
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
    if (prefix !== this.#maskSize || (address.kind() === 'ipv6') !== this.#isIpv6) return undefined
    const offset = toNumber(address.toByteArray()) - this.#first
    const index = offset >> BigInt(this.#partBits)
    return offset < 0n || index >= BigInt(this.#count) ? undefined : Number(index)
  }

  #format(index: number): string {
    const number = this.#first + (BigInt(index) << BigInt(this.#partBits))
    const size = this.#isIpv6 ? 16 : 4
    const bytes = Array.from({ length: size }, (_, i) => Number((number >> BigInt(8 * (size - 1 - i))) & 255n))
    return `${ipaddr.fromByteArray(bytes)}/${this.#maskSize}`
  }
}

const toNumber = (bytes: number[]) => bytes.reduce((number, byte) => (number << 8n) | BigInt(byte), 0n)
