// Writes the wire format of protobuf: https://protobuf.dev/programming-guides/encoding/

/** A field with its number in front; undefined stands for one that is absent, which is not written. */
export type Part = Buffer | undefined

/** A text. */
export function textField(number: number, value: string | undefined): Part {
  return value === undefined ? undefined : lengthField(number, Buffer.from(value))
}

/** A truth; false is the same as absent. */
export function boolField(number: number, value: boolean | undefined): Part {
  return value === true ? Buffer.concat([toVarint(number * 8), Buffer.from([1])]) : undefined
}

/** A message made of these fields. */
export function messageField(number: number, parts: readonly Part[]): Buffer {
  return lengthField(number, joinParts(parts))
}

/** Fields one after the other: a whole message. */
export function joinParts(parts: readonly Part[]): Buffer {
  return Buffer.concat(parts.filter((part) => part !== undefined))
}

function lengthField(number: number, content: Buffer): Buffer {
  return Buffer.concat([toVarint(number * 8 + 2), toVarint(content.length), content])
}

function toVarint(value: number): Buffer {
  const bytes: number[] = []
  let rest = value
  for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) bytes.push((rest % 0x80) + 0x80)
  return Buffer.from([...bytes, rest])
}
