import { randomInt } from 'node:crypto'
import { BlockList, isIPv4 } from 'node:net'

/** The addresses of an IPv4 CIDR that Services may have: all but the first and the last. */
export class AddressRange {
  readonly cidr: string
  readonly #base: number
  readonly #size: number
  readonly #members = new BlockList()

  /** Throws for what is not an IPv4 CIDR with room for an address. */
  constructor(cidr: string) {
    const [address = '', bitsText = ''] = cidr.split('/')
    const bits = Number(bitsText)
    if (!isIPv4(address) || !Number.isInteger(bits) || bits < 8 || bits > 30) {
      throw new Error(`service range ${cidr} must be an IPv4 CIDR of /8 to /30`)
    }
    this.cidr = cidr
    this.#size = 2 ** (32 - bits)
    this.#base = Math.floor(toNumber(address) / this.#size) * this.#size
    this.#members.addSubnet(toAddress(this.#base), bits)
  }

  /** The address of default/kubernetes. */
  get first(): string {
    return toAddress(this.#base + 1)
  }

  has(address: string): boolean {
    if (!isIPv4(address) || !this.#members.check(address)) return false
    const offset = toNumber(address) - this.#base
    return offset > 0 && offset < this.#size - 1
  }

  /** An address that is not taken, chosen at random so that a deleted Service's is seldom given again soon; undefined when all are. */
  pick(isTaken: (address: string) => boolean): string | undefined {
    // The first belongs to default/kubernetes, also before that exists.
    return pickNumber(this.#base + 2, this.#base + this.#size - 2, (value) => isTaken(toAddress(value)), toAddress)
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

function toNumber(address: string): number {
  return address.split('.').reduce((sum, part) => sum * 256 + Number(part), 0)
}

function toAddress(value: number): string {
  return [24, 16, 8, 0].map((shift) => Math.floor(value / 2 ** shift) % 256).join('.')
}
