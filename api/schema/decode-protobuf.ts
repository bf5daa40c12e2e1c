// Decodes the protobuf form of Kubernetes objects into what their JSON would be. The envelope and the encoding:
// https://kubernetes.io/docs/reference/using-api/api-concepts/#protobuf-encoding
// Kinds and fields outside of protobuf-fields.ts are refused by name, so that nothing is lost silently.

import { badRequest, unsupportedMediaType } from '../objects/status-error.ts'
import { protobufFields } from './protobuf-fields.ts'
import { readFields, readVarints, toText, type WireField } from './protobuf-wire.ts'
import { definitionOfKind, fieldOf, type Schema } from './schemas.ts'

const magic = [0x6b, 0x38, 0x73, 0x00]
const definitions = new Map<string, Map<number, Field>>()

interface Field {
  name: string
  isPointer: boolean
}

/** The object in the envelope, with apiVersion and kind. Throws BadRequest, and 415 for kinds that must come as JSON. */
export function decodeProtobuf(bytes: Uint8Array): Record<string, unknown> {
  if (!magic.every((byte, index) => bytes[index] === byte)) throw badRequest('the body is not Kubernetes protobuf')
  const envelope = new Map(readFields(bytes.subarray(magic.length)).map((field) => [field.number, field]))
  const types = new Map(
    readFields(envelope.get(1)?.bytes ?? new Uint8Array()).map(({ number, bytes: text }) => [number, toText(text)]),
  )
  const [apiVersion = '', kind = ''] = [types.get(1), types.get(2)]
  const definition = definitionOfKind(apiVersion, kind)
  if (definition === undefined || protobufFields[definition] === undefined) {
    throw unsupportedMediaType(`${kind} in ${apiVersion} is not accepted as protobuf, send it as application/json`)
  }
  const raw = envelope.get(2)
  if (raw === undefined) throw badRequest('cannot read protobuf: the object is cut off')
  return { apiVersion, kind, ...decodeMessage(definition, raw.bytes) }
}

function fieldsOf(definition: string): Map<number, Field> {
  const known = definitions.get(definition)
  if (known !== undefined) return known
  const pairs = (protobufFields[definition] ?? '').split(' ').filter((pair) => pair !== '')
  const fields = new Map(
    pairs.map((pair): [number, Field] => {
      const [number = '', name = ''] = pair.split(':')
      return [Number(number), { name: name.replace('?', ''), isPointer: name.endsWith('?') }]
    }),
  )
  definitions.set(definition, fields)
  return fields
}

function decodeMessage(definition: string, bytes: Uint8Array): Record<string, unknown> {
  const fields = fieldsOf(definition)
  const message: Record<string, unknown> = {}
  for (const wire of readFields(bytes)) {
    const field = fields.get(wire.number)
    if (field !== undefined) place(message, field, fieldOf({ $ref: definition }, field.name) ?? {}, wire)
    else if (!isZero(wire)) {
      throw unsupportedMediaType(
        `field ${wire.number} of ${definition} is not accepted as protobuf, send the object as application/json`,
      )
    }
  }
  return message
}

/** Go writes empty fields of most types, too. */
function isZero({ bytes, varint }: WireField): boolean {
  return bytes.length === 0 && varint === 0n
}

function place(message: Record<string, unknown>, { name, isPointer }: Field, schema: Schema, wire: WireField): void {
  if (schema.items !== undefined) {
    const before = message[name]
    message[name] = [...(Array.isArray(before) ? before : []), ...decodeItems(schema.items, wire)]
  } else if (schema.additionalProperties !== undefined) {
    const [key, value] = decodeEntry(schema.additionalProperties, wire)
    message[name] = { ...Object(message[name]), [key]: value }
  } else {
    const value = decodeValue(schema, wire)
    const isAbsent = value === undefined || (!isPointer && (value === '' || value === 0 || value === false))
    if (!isAbsent) message[name] = value
  }
}

function decodeItems(items: Schema, wire: WireField): unknown[] {
  return items.type === 'integer' && wire.bytes.length > 0
    ? readVarints(wire.bytes).map(Number)
    : [decodeValue(items, wire)]
}

function decodeEntry(schema: Schema, { bytes }: WireField): [string, unknown] {
  const parts = new Map(readFields(bytes).map((field) => [field.number, field]))
  const value = parts.get(2)
  return [toText(parts.get(1)?.bytes), value === undefined ? '' : decodeValue(schema, value)]
}

function decodeValue(schema: Schema, wire: WireField): unknown {
  if (schema['x-kubernetes-int-or-string'] === true) return decodeIntOrString(wire.bytes)
  if (schema.$ref?.endsWith('.Quantity') === true) return toText(readFields(wire.bytes)[0]?.bytes)
  if (schema.$ref !== undefined) return decodeMessage(schema.$ref, wire.bytes)
  if (schema.format === 'date-time') return decodeTime(wire.bytes)
  if (schema.format === 'byte') return Buffer.from(wire.bytes).toString('base64')
  if (schema.type === 'boolean') return wire.varint !== 0n
  if (schema.type === 'integer') return Number(BigInt.asIntN(64, wire.varint))
  return toText(wire.bytes)
}

function decodeIntOrString(bytes: Uint8Array): number | string {
  const parts = new Map(readFields(bytes).map((field) => [field.number, field]))
  if (parts.get(1)?.varint === 1n) return toText(parts.get(3)?.bytes)
  return Number(BigInt.asIntN(64, parts.get(2)?.varint ?? 0n))
}

/** The zero time is an empty message. */
function decodeTime(bytes: Uint8Array): string | undefined {
  if (bytes.length === 0) return undefined
  const seconds = Number(BigInt.asIntN(64, readFields(bytes).find(({ number }) => number === 1)?.varint ?? 0n))
  return `${new Date(seconds * 1000).toISOString().slice(0, 19)}Z`
}
