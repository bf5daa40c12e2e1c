// Reads Kubernetes' protobuf into what the same object is as JSON.
// https://kubernetes.io/docs/reference/using-api/api-concepts/#protobuf-encoding

import { badRequest, unsupportedMediaType } from '../../../api/objects/status-error.ts'
import { type JsonObject, setField } from '../../../api/patch/json.ts'
import type { Field, Message } from './fields.ts'
import { envelope, kinds } from './messages.ts'

const magic = Buffer.from([0x6b, 0x38, 0x73, 0x00])

/** The object in a protobuf body. Throws BadRequest, and 415 for kinds and fields that are not known here. */
export function decodeProtobuf(body: Uint8Array): JsonObject {
  const bytes = Buffer.from(body)
  if (!bytes.subarray(0, 4).equals(magic)) throw badRequest('the request body is not Kubernetes protobuf')
  const { typeMeta, raw } = decodeMessage(bytes.subarray(4), envelope, 'envelope')
  const { apiVersion, kind }: { apiVersion?: unknown; kind?: unknown } = Object(typeMeta)
  const name = `${String(apiVersion)}/${String(kind)}`
  const message = kinds.get(name)
  if (message === undefined) throw unsupportedMediaType(`protobuf is not understood for ${name}; send application/json`)
  const content = Buffer.from(typeof raw === 'string' ? raw : '', 'base64')
  return { apiVersion, kind, ...decodeMessage(content, message, name) }
}

function decodeMessage(bytes: Buffer, message: Message, path: string): JsonObject {
  const result: JsonObject = {}
  const reader = new Reader(bytes)
  while (!reader.isAtEnd) {
    const { number, value } = reader.readField()
    const field = message.get(number)
    if (field === undefined) {
      throw unsupportedMediaType(`protobuf field ${number} of ${path} is not understood; send application/json`)
    }
    store(result, field, value, `${path}.${field.name}`)
  }
  return result
}

function store(result: JsonObject, field: Field, value: number | Buffer, path: string): void {
  const { name } = field
  if (field.type === 'ignored') return
  if (field.type === 'map') {
    const { key, entry } = decodeEntry(asBytes(value, path), field.of, path)
    const map: JsonObject = Object(result[name] ?? {})
    setField(map, key, entry)
    result[name] = map
    return
  }
  const decoded = decodeValue(field, value, path)
  if ('repeated' in field) {
    const list: unknown = result[name]
    // In place: a copy for each item would take hours for a body of a few megabytes.
    if (Array.isArray(list)) list.push(decoded)
    else result[name] = [decoded]
  } else if (('keepZero' in field && field.keepZero) || !isZero(decoded)) result[name] = decoded
}

function decodeValue(field: Exclude<Field, { type: 'map' }>, value: number | Buffer, path: string): unknown {
  switch (field.type) {
    case 'string':
      return asBytes(value, path).toString('utf8')
    case 'bytes':
      return asBytes(value, path).toString('base64')
    case 'int':
      return asNumber(value, path)
    case 'bool':
      return asNumber(value, path) !== 0
    case 'message':
      return decodeMessage(asBytes(value, path), field.of, path)
    case 'intOrString':
      return decodeIntOrString(asBytes(value, path), path)
    case 'time':
      return decodeTime(asBytes(value, path), path)
    default:
      return undefined
  }
}

const intOrStringFields: Message = new Map<number, Field>([
  [1, { name: 'type', type: 'int' }],
  [2, { name: 'int', type: 'int' }],
  [3, { name: 'text', type: 'string' }],
])
const timeFields: Message = new Map<number, Field>([
  [1, { name: 'seconds', type: 'int' }],
  [2, { name: 'nanos', type: 'int' }],
])

function decodeIntOrString(bytes: Buffer, path: string): unknown {
  const { type, int = 0, text = '' } = decodeMessage(bytes, intOrStringFields, path)
  return type === 1 ? text : int
}

function decodeTime(bytes: Buffer, path: string): unknown {
  const { seconds } = decodeMessage(bytes, timeFields, path)
  return typeof seconds === 'number' && seconds > 0 ? new Date(seconds * 1000).toISOString() : undefined
}

function decodeEntry(bytes: Buffer, of: 'string' | 'bytes', path: string): { key: string; entry: unknown } {
  const fields: Message = new Map<number, Field>([
    [1, { name: 'key', type: 'string' }],
    [2, { name: 'value', type: of }],
  ])
  const { key, value = '' } = decodeMessage(bytes, fields, path)
  return { key: typeof key === 'string' ? key : '', entry: value }
}

function isZero(value: unknown): boolean {
  if (typeof value === 'object' && value !== null) return Object.keys(value).length === 0
  return value === undefined || value === '' || value === 0 || value === false
}

function asBytes(value: number | Buffer, path: string): Buffer {
  if (typeof value === 'number') throw badRequest(`protobuf: ${path} has the wrong wire type`)
  return value
}

function asNumber(value: number | Buffer, path: string): number {
  if (typeof value !== 'number') throw badRequest(`protobuf: ${path} has the wrong wire type`)
  return value
}

/** The wire format: https://protobuf.dev/programming-guides/encoding/ */
class Reader {
  readonly #bytes: Buffer
  #at = 0

  constructor(bytes: Buffer) {
    this.#bytes = bytes
  }

  get isAtEnd(): boolean {
    return this.#at >= this.#bytes.length
  }

  readField(): { number: number; value: number | Buffer } {
    const tag = this.#readVarint()
    const wireType = tag % 8
    const number = Math.floor(tag / 8)
    if (wireType === 0) return { number, value: this.#readVarint() }
    if (wireType !== 2) throw badRequest(`protobuf: wire type ${wireType} is not used by Kubernetes`)
    const end = this.#readVarint() + this.#at
    if (end > this.#bytes.length || end < this.#at) throw badRequest('protobuf: the body is cut short')
    const value = this.#bytes.subarray(this.#at, end)
    this.#at = end
    return { number, value }
  }

  #readVarint(): number {
    let value = 0n
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const byte = this.#bytes[this.#at++]
      if (byte === undefined) throw badRequest('protobuf: the body is cut short')
      value |= BigInt(byte & 0x7f) << shift
      if (byte < 0x80) return Number(BigInt.asIntN(64, value))
    }
    throw badRequest('protobuf: a number is too long')
  }
}
