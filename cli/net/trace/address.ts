// Addresses and ranges of both families, compared as numbers.

import ipaddr from 'ipaddr.js'
import type { Family } from '../../../api/objects/addresses.ts'

interface Range {
  family: Family
  first: bigint
  last: bigint
  /** Length of the prefix; of a range that is none, undefined. */
  length?: number
}

const known = new Map<string, Range | undefined>()
/** Rules name the same addresses again and again; a picture of a big node must not fill the memory all the same. */
const knownLimit = 200_000

/** Reads "10.0.0.1", "10.0.0.0/8", "10.0.0.0/255.0.0.0" and "10.0.0.1-10.0.0.9"; undefined for what is none of these. */
export function toRange(text: string): Range | undefined {
  if (!known.has(text)) {
    if (known.size > knownLimit) known.clear()
    known.set(text, parseRange(text))
  }
  return known.get(text)
}

/** Whether the address is the same as or within the other. */
export function isWithin(address: string, range: string): boolean {
  const [inner, outer] = [toRange(address), toRange(range)]
  if (inner === undefined || outer === undefined || inner.family !== outer.family) return false
  return outer.first <= inner.first && inner.last <= outer.last
}

/** Whether two texts mean one address. */
export function isSame(a: string, b: string): boolean {
  return a === b || (isWithin(a, b) && isWithin(b, a))
}

function parseRange(text: string): Range | undefined {
  const [first = '', last] = text.split('-')
  if (last !== undefined) {
    const [a, b] = [parseRange(first), parseRange(last)]
    return a === undefined || b === undefined ? undefined : { family: a.family, first: a.first, last: b.last }
  }
  const [address = '', suffix] = text.split('/')
  if (!ipaddr.isValid(address)) return undefined
  const bytes = ipaddr.parse(address).toByteArray()
  const bits = bytes.length * 8
  const length = suffix === undefined ? bits : toLength(suffix, bits)
  if (length === undefined) return undefined
  const value = bytes.reduce((sum, byte) => (sum << 8n) | BigInt(byte), 0n)
  const size = 1n << BigInt(bits - length)
  const start = value - (value % size)
  return { family: bits === 32 ? 'ipv4' : 'ipv6', first: start, last: start + size - 1n, length }
}

function toLength(suffix: string, bits: number): number | undefined {
  if (/^\d+$/.test(suffix)) return Number(suffix) <= bits ? Number(suffix) : undefined
  if (!ipaddr.isValid(suffix)) return undefined
  return ipaddr.parse(suffix).prefixLengthFromSubnetMask() ?? undefined
}
