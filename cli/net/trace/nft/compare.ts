// Whether values are in what a rule compares them with.

import { isWithin } from '../address.ts'
import { type Elements, isObject, type Json, type NftTable } from './model.ts'
import type { Value } from './value.ts'

/** Elements of "@name" or of a set that is written in the rule. */
export function elementsOf(data: Json, table: NftTable): Elements {
  if (typeof data === 'string') return table.sets.get(data.replace(/^@/, '')) ?? []
  if (isObject(data) && Array.isArray(data.set)) return data.set
  return Array.isArray(data) ? data : []
}

/** Whether a value is the same as, or within, what a rule compares it with. Of a named set, the element is told. */
export function isIn(
  value: Value,
  right: Json,
  table: NftTable,
  onElement?: (element: Json | undefined) => void,
): boolean {
  if (typeof right === 'string' && right.startsWith('@')) {
    const element = elementsOf(right, table).find((each) => isEqual(value, each))
    onElement?.(element)
    return element !== undefined
  }
  if (isObject(right) && 'set' in right) return elementsOf(right, table).some((element) => isEqual(value, element))
  if (Array.isArray(right)) return right.some((element) => isEqual(value, element))
  return isEqual(value, right)
}

/** Whether a value is the one that is written there, or within it. */
export function isEqual(value: Value, right: Json): boolean {
  if (isObject(right)) {
    if (isObject(right.elem)) return isEqual(value, right.elem.val ?? null)
    if (isObject(right.prefix)) return isWithin(String(value), `${right.prefix.addr}/${right.prefix.len}`)
    if (Array.isArray(right.range)) return isInRange(value, right.range)
    if (Array.isArray(right.concat)) {
      const { concat } = right
      return Array.isArray(value) && concat.every((part, at) => isEqual(value[at] ?? '', part))
    }
    return false
  }
  if (right === '*') return true
  if (Array.isArray(value)) return value.some((part) => isEqual(part, right))
  return (
    toComparable(value as string | number) === toComparable(right as string | number) || isSameAddress(value, right)
  )
}

function isSameAddress(value: Value, right: Json): boolean {
  return typeof value === 'string' && typeof right === 'string' && /[.:]/.test(right) && isWithin(value, right)
}

function isInRange(value: Value, [first = null, last = null]: Json[]): boolean {
  if (typeof value === 'string' && /[.:]/.test(value)) return isWithin(value, `${first}-${last}`)
  const number = Number(toComparable(value as string | number))
  return number >= Number(first) && number <= Number(last)
}

const names: Record<string, string | number> = {
  icmp: 'icmp',
  'ipv6-icmp': 'icmp',
  icmpv6: 'icmp',
  '6': 'tcp',
  '17': 'udp',
  '1': 'icmp',
  '58': 'icmp',
}

/** Protocols go by name or number; "eth+" style names by their first letters are left to nft. */
function toComparable(value: string | number | Json): string {
  return String(names[String(value)] ?? value)
}
