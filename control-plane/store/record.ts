// How writes and keys lie on disk. A record is one write; a head says which record is a key's newest. All numbers are
// big-endian, so that the order of bytes is the order of revisions.

/** One write of one key. */
export interface WriteRecord {
  key: string
  /** undefined: the write deleted the key. */
  value: string | undefined
  /** Revision at which the key came to be. */
  createRevision: number
  /** The key's write before this one, deletions included; 0 for none. That record may be compacted. */
  previousRevision: number
}

/** Where a key stands. A deleted key keeps its head until compaction has passed it. */
export interface Head {
  revision: number
  createRevision: number
  deleted: boolean
}

const headBytes = 17
const recordHeaderBytes = 19

export function encodeRevision(revision: number): Buffer {
  const bytes = Buffer.allocUnsafe(8)
  writeNumber(bytes, revision, 0)
  return bytes
}

export function decodeRevision(bytes: Uint8Array): number {
  return readNumber(asBuffer(bytes), 0)
}

export function encodeHead({ revision, createRevision, deleted }: Head): Buffer {
  const bytes = Buffer.allocUnsafe(headBytes)
  writeNumber(bytes, revision, 0)
  writeNumber(bytes, createRevision, 8)
  bytes.writeUInt8(deleted ? 1 : 0, 16)
  return bytes
}

export function decodeHead(encoded: Uint8Array): Head {
  const bytes = asBuffer(encoded)
  return {
    revision: readNumber(bytes, 0),
    createRevision: readNumber(bytes, 8),
    deleted: bytes.readUInt8(16) === 1,
  }
}

export function encodeRecord({ key, value, createRevision, previousRevision }: WriteRecord): Buffer {
  const keyLength = Buffer.byteLength(key)
  const bytes = Buffer.allocUnsafe(recordHeaderBytes + keyLength + Buffer.byteLength(value ?? ''))
  bytes.writeUInt8(value === undefined ? 1 : 0, 0)
  writeNumber(bytes, createRevision, 1)
  writeNumber(bytes, previousRevision, 9)
  bytes.writeUInt16BE(keyLength, 17)
  bytes.write(key, recordHeaderBytes)
  bytes.write(value ?? '', recordHeaderBytes + keyLength)
  return bytes
}

export function decodeRecord(encoded: Uint8Array): WriteRecord {
  const bytes = asBuffer(encoded)
  const valueStart = recordHeaderBytes + bytes.readUInt16BE(17)
  return {
    key: bytes.toString('utf8', recordHeaderBytes, valueStart),
    value: bytes.readUInt8(0) === 1 ? undefined : bytes.toString('utf8', valueStart),
    createRevision: readNumber(bytes, 1),
    previousRevision: readNumber(bytes, 9),
  }
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

// Two halves, not a BigInt: revisions stay below 2^53 and this is a hot path.
function writeNumber(bytes: Buffer, value: number, offset: number): void {
  bytes.writeUInt32BE(Math.floor(value / 2 ** 32), offset)
  bytes.writeUInt32BE(value >>> 0, offset + 4)
}

function readNumber(bytes: Buffer, offset: number): number {
  return bytes.readUInt32BE(offset) * 2 ** 32 + bytes.readUInt32BE(offset + 4)
}
