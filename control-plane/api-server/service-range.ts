import { randomInt } from 'node:crypto'
import ipaddr from 'ipaddr.js'
import { parseAddressRange, toAddress, toNumber } from '../../api/net/address-range.ts'
import { type IpFamily, ipFamilyOf } from '../../api/objects/addresses.ts'

/** The addresses of a CIDR that Services may have: all but the first and, of IPv4, the last. */
export class ServiceRange {
  readonly cidr: string
  readonly family: IpFamily
  readonly #base: bigint
  /** Offset of the last address that can be given. */
  readonly #last: number

  /** Throws for what is not a CIDR with room for an address, and for one whose addresses cannot be counted. */
  constructor(cidr: string) {
    const match = ipaddr.isValidCIDR(cidr) ? ipaddr.parseCIDR(cidr) : undefined
    const width = match?.[0].kind() === 'ipv6' ? 128 : 32
    const bits = match?.[1] ?? -1
    if (match === undefined || bits < width - (width === 32 ? 24 : 20) || bits > width - 2) {
      throw new Error(`service range ${cidr} must be an IPv4 CIDR of /8 to /30 or an IPv6 CIDR of /108 to /126`)
    }
    this.cidr = cidr
    const { family, first, last } = parseAddressRange(cidr)
    this.family = family
    this.#base = first
    this.#last = Number(last - first) - (family === 'IPv4' ? 1 : 0)
  }

  /** The address of default/kubernetes. */
  get first(): string {
    return this.#toAddress(1)
  }

  has(address: string): boolean {
    if (!ipaddr.isValid(address) || ipFamilyOf(address) !== this.family) return false
    const offset = toNumber(address) - this.#base
    return offset > 0n && offset <= BigInt(this.#last)
  }

  /** An address that is not taken, chosen at random so that a deleted Service's is seldom given again soon; undefined when all are. */
  pick(isTaken: (address: string) => boolean): string | undefined {
    // The first belongs to default/kubernetes, also before that exists.
    const toAddress = (offset: number) => this.#toAddress(offset)
    return pickNumber(2, this.#last, (offset) => isTaken(toAddress(offset)), toAddress)
  }

  #toAddress(offset: number): string {
    return toAddress(this.#base + BigInt(offset), this.family)
  }
}

/** A random number between two (inclusive) that is not taken, as something else; undefined when all are taken. */
export function pickNumber<T>(
  from: number,
  to: number,
  isTaken: (value: number) => boolean,
  convert: (value: number) => T,
): T | undefined {
  const count = to - from + 1
  if (count <= 0) return undefined
  const start = randomInt(count)
  for (let step = 0; step < count; step++) {
    const value = from + ((start + step) % count)
    if (!isTaken(value)) return convert(value)
  }
  return undefined
}
