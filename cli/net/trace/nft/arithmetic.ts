// Calculations of nftables' expressions, with numbers, names of TCP flags, and addresses.

import ipaddr from 'ipaddr.js'
import { isObject, type Json } from './model.ts'
import { other, type Value } from './value.ts'

const flagBits: Record<string, number> = { fin: 1, syn: 2, rst: 4, psh: 8, ack: 16, urg: 32, ecn: 64, cwr: 128 }

function toNumber(value: Value): number {
  if (Array.isArray(value)) return value.reduce<number>((sum, part) => sum | toNumber(part), 0)
  return flagBits[String(value)] ?? Number(value)
}

/** The operators are &, |, ^, << and >>. */
export function calculate(operator: string, parts: (Value | typeof other)[]): Value | typeof other {
  if (parts.includes(other)) return other
  if (operator === '&' && parts.some(isAddress)) return maskAddress(parts as Value[])
  const [first = 0, ...rest] = (parts as Value[]).map(toNumber)
  return rest.reduce((sum, next) => {
    if (operator === '&') return (sum & next) >>> 0
    if (operator === '|') return (sum | next) >>> 0
    if (operator === '^') return (sum ^ next) >>> 0
    return operator === '<<' ? (sum << next) >>> 0 : sum >>> next
  }, first)
}

const isAddress = (value: Value | typeof other) => typeof value === 'string' && ipaddr.isValid(value)

function maskAddress(parts: Value[]): string {
  const [address = [], mask = []] = parts.map((part) => ipaddr.parse(String(part)).toByteArray())
  return ipaddr.fromByteArray(address.map((byte, at) => byte & (mask[at] ?? 0))).toString()
}

/** Numbers of flags written by name, for comparisons with a calculated value. */
export function flagsAsNumber(right: Json): Json {
  if (typeof right === 'string' && flagBits[right] !== undefined) return flagBits[right]
  if (Array.isArray(right) && right.every((each) => typeof each === 'string' && flagBits[each] !== undefined))
    return right.reduce<number>((sum, each) => sum | (flagBits[String(each)] ?? 0), 0)
  if (isObject(right) && Array.isArray(right['|'])) return toNumber(right['|'].map((each) => String(each)))
  return right
}
