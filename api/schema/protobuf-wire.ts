// The wire format of protobuf, as far as Kubernetes uses it: varints and length-delimited fields.
// https://protobuf.dev/programming-guides/encoding/

import { badRequest } from '../objects/status-error.ts'

/** One field of a message. Exactly one of bytes and varint is meaningful; the other is empty or zero. */
export interface WireField {
  readonly number: number
  readonly bytes: Uint8Array
  readonly varint: bigint
}

const none = new Uint8Array()

/** All fields of a message, in their order. Throws BadRequest when the message is cut off. */
export function readFields(message: Uint8Array): WireField[] {
  const fields: WireField[] = []
  for (let at = 0; at < message.length; ) {
    const tag = readVarint(message, at)
    const { value, next } = readVarint(message, tag.next)
    const number = Number(tag.value >> 3n)
    const wireType = Number(tag.value & 7n)
    if (wireType !== 0 && wireType !== 2)
      throw badRequest(`cannot read protobuf: wire type ${wireType} is not used by Kubernetes`)
    const end = wireType === 0 ? next : next + Number(value)
    if (end > message.length) throw badRequest('cannot read protobuf: the message is cut off')
    fields.push(
      wireType === 0
        ? { number, bytes: none, varint: value }
        : { number, bytes: message.subarray(next, end), varint: 0n },
    )
    at = end
  }
  return fields
}

/** Packed integers. */
export function readVarints(bytes: Uint8Array): bigint[] {
  const values: bigint[] = []
  for (let at = 0; at < bytes.length; ) {
    const { value, next } = readVarint(bytes, at)
    values.push(value)
    at = next
  }
  return values
}

/** UTF-8. */
export function toText(bytes: Uint8Array | undefined): string {
  return bytes === undefined ? '' : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('utf8')
}

function readVarint(bytes: Uint8Array, start: number): { value: bigint; next: number } {
  let value = 0n
  for (let at = start; at < Math.min(bytes.length, start + 10); at++) {
    const byte = bytes[at] ?? 0
    value |= BigInt(byte & 0x7f) << BigInt((at - start) * 7)
    if (byte < 0x80) return { value, next: at + 1 }
  }
  throw badRequest('cannot read protobuf: a number is cut off')
}
