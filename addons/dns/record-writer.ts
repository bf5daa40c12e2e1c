// Records as bytes in which a name that stands in the message already is a pointer to it (RFC 1035, section 4.1.4). dns-packet writes
// every name in full, which is quick, and good enough for answers that fit.

import * as dns from 'dns-packet'

const headerLength = 12
/** Type, class, TTL and length. */
const fixedLength = 10
/** Their data is a name that may be shortened: that of newer kinds may not (RFC 3597, section 4). */
const isName = new Set(['CNAME', 'NS', 'PTR'])
/** A pointer has 14 bits. */
const pointable = 0x4000

/** Writes records behind a header and its question, until the first that does not fit: from then on it writes nothing. */
export class RecordWriter {
  #at: number
  readonly #limit: number
  /** Bytes of a name, as a string -> where it begins. */
  readonly #known = new Map<string, number>()
  #isFull = false

  /** limit: of header, question and records together. */
  constructor(question: Buffer, limit: number) {
    this.#at = question.length
    this.#limit = limit
    this.#shortenName(question.subarray(headerLength, endOfName(question, headerLength)), headerLength)
  }

  /** The bytes of those that fit. */
  write(records: readonly dns.Answer[]): Buffer[] {
    const written: Buffer[] = []
    for (const record of records) {
      const bytes = this.#isFull ? undefined : this.#shorten(record)
      this.#isFull = bytes === undefined || this.#at + bytes.length > this.#limit
      if (bytes === undefined || this.#isFull) break
      this.#at += bytes.length
      written.push(bytes)
    }
    return written
  }

  /** The bytes of all of them, or nothing when one does not fit. */
  writeAll(records: readonly dns.Answer[]): Buffer[] {
    const written = this.write(records)
    return written.length === records.length ? written : []
  }

  #shorten(record: dns.Answer): Buffer {
    const bytes = dns.encode({ type: 'response', answers: [record] }).subarray(headerLength)
    const ownerEnd = endOfName(bytes, 0)
    const owner = this.#shortenName(bytes.subarray(0, ownerEnd), this.#at)
    const fixed = Buffer.from(bytes.subarray(ownerEnd, ownerEnd + fixedLength))
    const data = bytes.subarray(ownerEnd + fixedLength)
    const short = isName.has(record.type) ? this.#shortenName(data, this.#at + owner.length + fixedLength) : data
    fixed.writeUInt16BE(short.length, fixedLength - 2)
    return Buffer.concat([owner, fixed, short])
  }

  /** The name as it stands at this offset. It, and its parents, are known from then on. */
  #shortenName(name: Buffer, at: number): Buffer {
    for (let label = 0; (name[label] ?? 0) > 0; label += 1 + (name[label] ?? 0)) {
      const rest = name.toString('latin1', label)
      const offset = this.#known.get(rest)
      if (offset !== undefined)
        return Buffer.concat([name.subarray(0, label), Buffer.of(0xc0 | (offset >> 8), offset & 0xff)])
      if (at + label < pointable) this.#known.set(rest, at + label)
    }
    return name
  }
}

/** Behind the name that begins there, which has no pointers. */
export function endOfName(bytes: Buffer, start: number): number {
  let label = start
  while ((bytes[label] ?? 0) > 0) label += 1 + (bytes[label] ?? 0)
  return label + 1
}
