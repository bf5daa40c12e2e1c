// Decoders for plain values: their types, ranges and formats.

import { formatQuantity, isQuantity } from '../objects/quantity.ts'
import type { Decode } from './check-object.ts'
import type { Schema } from './schemas.ts'

const maxInt32 = 2 ** 31
const maxInt64 = 2 ** 63

/** The decoder of a schema without parts. A schema that says nothing takes anything. */
export function scalarDecoderOf(schema: Schema): Decode {
  if (schema['x-kubernetes-int-or-string'] === true) return intOrString
  switch (schema.type) {
    case 'string':
      return stringDecoders[schema.format ?? ''] ?? text
    case 'integer':
      return schema.format === 'int32' ? int32 : int64
    case 'number':
      return number
    case 'boolean':
      return boolean
    case 'object':
      return anyObject
    default:
      return (value) => value
  }
}

const decoder =
  (expected: string, fits: (value: unknown) => boolean): Decode =>
  (value, walk) => {
    if (!fits(value)) walk.wrong(expected, value)
    return value
  }

const isInt32 = (value: unknown) =>
  typeof value === 'number' && Number.isInteger(value) && value >= -maxInt32 && value < maxInt32
const text = decoder('string', (value) => typeof value === 'string')
const boolean = decoder('boolean', (value) => typeof value === 'boolean')
const number = decoder('number', (value) => typeof value === 'number')
const int64 = decoder(
  'integer',
  (value) => typeof value === 'number' && Number.isInteger(value) && Math.abs(value) <= maxInt64,
)
const intOrString = decoder('integer or string', (value) => typeof value === 'string' || isInt32(value))
const anyObject = decoder('object', (value) => typeof value === 'object' && value !== null && !Array.isArray(value))
const base64 = /^[A-Za-z0-9+/]*={0,2}$/
const bytes = decoder(
  'base64 text',
  (value) => typeof value === 'string' && value.length % 4 === 0 && base64.test(value),
)

const int32: Decode = (value, walk) => {
  if (!isInt32(value))
    walk.wrong(typeof value === 'number' && Number.isInteger(value) ? '32-bit integer' : 'integer', value)
  return value
}

/** Quantities may be written as JSON numbers; they are kept as canonical text. */
const quantity: Decode = (value, walk) => {
  const written = typeof value === 'number' ? String(value) : value
  if (typeof written === 'string' && isQuantity(written)) return formatQuantity(written)
  walk.wrong('quantity such as 250m, 1.5 or 64Mi', value)
  return value
}

const rfc3339 = /^(\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2})(?:\.(\d+))?(Z|[+-]\d{2}:\d{2})$/

/** Times are kept in UTC, to the second or (MicroTime) to the microsecond. */
const time =
  (fractionDigits: 0 | 6): Decode =>
  (value, walk) => {
    const match = typeof value === 'string' ? rfc3339.exec(value) : null
    const [, seconds = '', fraction = '', zone = ''] = match ?? []
    const ms = Date.parse(`${seconds}${zone}`)
    if (match === null || Number.isNaN(ms)) {
      walk.wrong('RFC 3339 time such as 2006-01-02T15:04:05Z', value)
      return value
    }
    const utc = zone === 'Z' ? seconds : new Date(ms).toISOString().slice(0, 19)
    return fractionDigits === 0 ? `${utc}Z` : `${utc}.${fraction.slice(0, 6).padEnd(6, '0')}Z`
  }

const stringDecoders: Record<string, Decode> = {
  quantity,
  byte: bytes,
  'date-time': time(0),
  'date-time-micro': time(6),
}
