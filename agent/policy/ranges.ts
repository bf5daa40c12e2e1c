// Ranges of addresses, as ipBlocks make them: cut, joined, and free of overlaps. Pure.

import ipaddr from 'ipaddr.js'
import type { Family } from '../../api/objects/addresses.ts'

/** From the first to the last address, both included, as numbers. */
export interface Range {
  first: bigint
  last: bigint
}

/** All addresses of a block such as 10.9.8.0/24; bits behind the prefix do not count. */
export function toRange(cidr: string): Range {
  const [address, length] = ipaddr.parseCIDR(cidr)
  const bytes = address.toByteArray()
  const hostBits = BigInt(bytes.length * 8 - length)
  const first = (bytes.reduce((sum, byte) => (sum << 8n) | BigInt(byte), 0n) >> hostBits) << hostBits
  return { first, last: first + (1n << hostBits) - 1n }
}

/** The ranges without the holes. */
export function subtract(ranges: readonly Range[], holes: readonly Range[]): Range[] {
  return holes.reduce<Range[]>((left, hole) => left.flatMap((range) => cut(range, hole)), [...ranges])
}

function cut({ first, last }: Range, hole: Range): Range[] {
  if (hole.last < first || hole.first > last) return [{ first, last }]
  return [
    ...(first < hole.first ? [{ first, last: hole.first - 1n }] : []),
    ...(last > hole.last ? [{ first: hole.last + 1n, last }] : []),
  ]
}

/** The same addresses in as few ranges as there can be, in order. */
export function join(ranges: readonly Range[]): Range[] {
  const joined: Range[] = []
  for (const range of [...ranges].sort((a, b) => (a.first < b.first ? -1 : 1))) {
    const before = joined.at(-1)
    if (before !== undefined && range.first <= before.last + 1n) {
      if (range.last > before.last) before.last = range.last
    } else joined.push({ ...range })
  }
  return joined
}

/** As nft prints it: one address, a prefix where the range is one, else first-last. */
export function formatRange({ first, last }: Range, family: Family): string {
  const bits = family === 'ipv4' ? 32 : 128
  if (first === last) return formatAddress(first, bits)
  const size = last - first + 1n
  const hostBits = size.toString(2).length - 1
  const isPrefix = size === 1n << BigInt(hostBits) && first % size === 0n
  return isPrefix
    ? `${formatAddress(first, bits)}/${bits - hostBits}`
    : `${formatAddress(first, bits)}-${formatAddress(last, bits)}`
}

function formatAddress(value: bigint, bits: number): string {
  const bytes = Array.from({ length: bits / 8 }, (_, index) => Number((value >> BigInt(bits - 8 * (index + 1))) & 255n))
  return ipaddr.fromByteArray(bytes).toString()
}
