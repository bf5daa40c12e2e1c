// Ranges of addresses that need not be a prefix, and addresses as numbers. Pure.

import ipaddr from 'ipaddr.js'
import { type IpFamily, ipFamilyOf } from '../objects/addresses.ts'

/** From the first address to the last. */
export interface AddressRange {
  family: IpFamily
  first: bigint
  last: bigint
}

/** Reads "192.0.2.200-192.0.2.220", "192.0.2.192/27" or one address. Throws what is wrong with it. */
export function parseAddressRange(text: string): AddressRange {
  const [from = '', to = from] = text.includes('/') ? endsOf(text) : text.split('-').map((part) => part.trim())
  for (const address of [from, to])
    if (!ipaddr.isValid(address)) throw new Error(`address range "${text}": "${address}" is not an IP address`)
  if (ipFamilyOf(from) !== ipFamilyOf(to)) throw new Error(`address range "${text}": its ends are of two families`)
  const [first, last] = [toNumber(from), toNumber(to)]
  if (last < first) throw new Error(`address range "${text}": its end is before its beginning`)
  return { family: ipFamilyOf(from), first, last }
}

function endsOf(cidr: string): [string, string] {
  if (!ipaddr.isValidCIDR(cidr)) throw new Error(`address range "${cidr}": must be such as 192.0.2.192/27`)
  const [address, bits] = ipaddr.parseCIDR(cidr)
  const family = address.kind() === 'ipv4' ? 'IPv4' : 'IPv6'
  const size = 1n << BigInt((family === 'IPv4' ? 32 : 128) - bits)
  const first = toNumber(address.toString()) & ~(size - 1n)
  return [toAddress(first, family), toAddress(first + size - 1n, family)]
}

/** The address that is so many after a range's first: 10.96.0.10 is the tenth of 10.96.0.0/16. Throws when the range has none. */
export function addressAt(range: string, index: number): string {
  const { family, first, last } = parseAddressRange(range)
  const number = first + BigInt(index)
  if (number > last) throw new RangeError(`${range} has no address ${index} after its first`)
  return toAddress(number, family)
}

/** The address as a number. */
export function toNumber(address: string): bigint {
  return ipaddr
    .parse(address)
    .toByteArray()
    .reduce((number, byte) => (number << 8n) | BigInt(byte), 0n)
}

/** The address that the number is. */
export function toAddress(number: bigint, family: IpFamily): string {
  const size = family === 'IPv4' ? 4 : 16
  const bytes = Array.from({ length: size }, (_, index) => Number((number >> BigInt(8 * (size - 1 - index))) & 255n))
  return ipaddr.fromByteArray(bytes).toString()
}
