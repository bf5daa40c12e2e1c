// Takes a value apart as its schema says: the one place that knows how fields, items and values are named.

import { fieldOf, itemsOf, type Schema, shapeOf } from '../../schema/schemas.ts'
import { getField, isJsonObject } from '../json.ts'

/** A part of a value. */
export interface Part {
  value: unknown
  schema: Schema | undefined
}

/** What a value consists of. */
export interface Parts {
  /** By element of a path, in the value's order. */
  byElement: Map<string, Part>
  /** True if each part belongs to whoever sets it, even if nothing of it is said: items, values, and keys of maps. */
  areOwned: boolean
}

/** The protocol of a port is a part of its name, and may be left out. */
const keyDefaults: Readonly<Record<string, unknown>> = { protocol: 'TCP' }

/** The parts; undefined for what is one thing: plain values, and what the schema or the value itself makes atomic. */
export function partsOf(value: unknown, schema: Schema | undefined): Parts | undefined {
  const shape = shapeOf(schema)
  switch (shape.kind) {
    case 'fields':
      return isJsonObject(value) ? { byElement: fieldsOf(value, schema), areOwned: shape.isMap } : undefined
    case 'items':
      return Array.isArray(value) ? unlessDoubled(value, itemsByKey(value, schema, shape.keys)) : undefined
    case 'values':
      return Array.isArray(value) ? unlessDoubled(value, valuesOf(value)) : undefined
    default:
      return undefined
  }
}

/** Some lists hold two items of the same key, as addresses of a Node may be: such a list is one thing. */
function unlessDoubled(list: readonly unknown[], byElement: Map<string, Part>): Parts | undefined {
  return byElement.size === list.length ? { byElement, areOwned: true } : undefined
}

function fieldsOf(value: Record<string, unknown>, schema: Schema | undefined): Map<string, Part> {
  const known = Object.entries(value).filter(([, part]) => part !== undefined && part !== null)
  return new Map(known.map(([name, part]) => [`f:${name}`, { value: part, schema: fieldOf(schema, name) }]))
}

function itemsByKey(list: readonly unknown[], schema: Schema | undefined, keys: readonly string[]): Map<string, Part> {
  const items = itemsOf(schema)
  return new Map(list.map((value) => [elementOf(value, keys), { value, schema: items }]))
}

function elementOf(item: unknown, keys: readonly string[]): string {
  if (!isJsonObject(item)) return `v:${JSON.stringify(item)}`
  const named = [...keys].sort().flatMap((key) => {
    const value = getField(item, key) ?? keyDefaults[key]
    return value === undefined ? [] : [[key, value]]
  })
  return `k:${JSON.stringify(Object.fromEntries(named))}`
}

function valuesOf(list: readonly unknown[]): Map<string, Part> {
  return new Map(list.map((value) => [`v:${JSON.stringify(value)}`, { value, schema: undefined }]))
}
