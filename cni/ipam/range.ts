// Ranges of IPv4 and IPv6 addresses, as BigInt arithmetic. Pure.

import { isIP } from 'node:net'
import ipaddr from 'ipaddr.js'

export interface AddressRange {
  /** The whole network, such as "10.244.1.0/24". */
  subnet: string
  prefixLength: number
  gateway: string
  /** First and last address that may be given out. */
  first: bigint
  last: bigint
  bits: 32 | 128
}

/**
 * Reads a range. The gateway is the subnet's first address unless named; the network's own address and (IPv4) the broadcast
 * address are never given out. Throws what is wrong with the text.
 */
export function parseRange(subnet: string, gateway?: string): AddressRange {
  // ipaddr.js takes old short forms such as 10.244.7/24 as well, and reads them as other networks than people mean.
  if (!ipaddr.isValidCIDR(subnet) || !/^(\d+\.\d+\.\d+\.\d+|.*:.*)\//.test(subnet))
    throw new Error(`subnet "${subnet}": must be an address range such as 10.244.1.0/24`)
  const [address, prefixLength] = ipaddr.parseCIDR(subnet)
  const bits = address.kind() === 'ipv4' ? 32 : 128
  const size = 1n << BigInt(bits - prefixLength)
  if (size < 4n) throw new Error(`subnet "${subnet}": too small to give out addresses`)
  const network = toNumber(address.toString()) & ~(size - 1n)
  const last = network + size - (bits === 32 ? 2n : 1n)
  const range = {
    subnet,
    prefixLength,
    gateway: toAddress(network + 1n, bits),
    first: network + 1n,
    last,
    bits,
  } as const
  if (gateway === undefined) return range
  if (isIP(gateway) === 0 || !isInRange(range, gateway))
    throw new Error(`gateway "${gateway}": must be an address of ${subnet}`)
  // In the form of the addresses that are given out: it is none of them.
  return { ...range, gateway: toAddress(toNumber(gateway), bits) }
}

/** Addresses to try, in order: after the last one given out, round to it again, so that a fresh address is an old one. */
export function* candidates(range: AddressRange, lastGiven: string | undefined): Generator<string> {
  const count = range.last - range.first + 1n
  const previous = lastGiven === undefined ? range.first - 1n : toNumber(lastGiven)
  const start = previous < range.first || previous > range.last ? 0n : previous - range.first + 1n
  for (let offset = 0n; offset < count; offset++) {
    const address = toAddress(range.first + ((start + offset) % count), range.bits)
    if (address !== range.gateway) yield address
  }
}

/** Whether the address lies in the range. */
export function isInRange({ first, last, bits }: AddressRange, address: string): boolean {
  const number = toNumber(address)
  return (bits === 128) === address.includes(':') && number >= first && number <= last
}

function toNumber(address: string): bigint {
  return ipaddr
    .parse(address)
    .toByteArray()
    .reduce((number, byte) => (number << 8n) | BigInt(byte), 0n)
}

function toAddress(number: bigint, bits: 32 | 128): string {
  const bytes = Array.from({ length: bits / 8 }, (_, index) =>
    Number((number >> BigInt(bits - 8 * (index + 1))) & 255n),
  )
  return ipaddr.fromByteArray(bytes).toString()
}
