// SPDY/3.1 frames, as far as streams over one connection need them. Pure.
// Format: https://www.chromium.org/spdy/spdy-protocol/spdy-protocol-draft3-1/

const version = 3
const frameHeaderBytes = 8
/** No frame of ours or kubectl's comes near; more is not SPDY. */
const frameLimitBytes = 1024 * 1024

const types = {
  synStream: 1,
  synReply: 2,
  rstStream: 3,
  settings: 4,
  ping: 6,
  goAway: 7,
  headers: 8,
  windowUpdate: 9,
} as const

const finFlag = 1

export type Frame =
  | { type: 'data'; streamId: number; isLast: boolean; data: Buffer }
  | { type: 'synStream'; streamId: number; isLast: boolean; headers: Buffer }
  | { type: 'synReply'; streamId: number; isLast: boolean; headers: Buffer }
  | { type: 'headers'; streamId: number; isLast: boolean; headers: Buffer }
  | { type: 'rstStream'; streamId: number; status: number }
  | { type: 'ping'; id: number }
  | { type: 'goAway'; lastStreamId: number }
  /** Settings and window updates: peers without flow control may pass over them. */
  | { type: 'ignored' }

/** Cuts a stream of bytes into frames. Throws when the bytes are no SPDY. */
export class FrameReader {
  #buffer: Buffer = Buffer.alloc(0)

  /** Takes the next bytes and returns the frames that they complete. */
  read(chunk: Buffer): Frame[] {
    this.#buffer = this.#buffer.length === 0 ? chunk : Buffer.concat([this.#buffer, chunk])
    const frames: Frame[] = []
    while (this.#buffer.length >= frameHeaderBytes) {
      const length = this.#buffer.readUIntBE(5, 3)
      if (length > frameLimitBytes) throw new Error(`SPDY frame of ${length} bytes is too long`)
      const end = frameHeaderBytes + length
      if (this.#buffer.length < end) break
      frames.push(parseFrame(this.#buffer.subarray(0, end)))
      this.#buffer = this.#buffer.subarray(end)
    }
    return frames
  }
}

function parseFrame(frame: Buffer): Frame {
  const body = frame.subarray(frameHeaderBytes)
  const isLast = ((frame[4] ?? 0) & finFlag) !== 0
  const first = frame.readUInt32BE(0)
  if (first < 0x80000000) return { type: 'data', streamId: first, isLast, data: body }
  if (((first >>> 16) & 0x7fff) !== version) throw new Error('not SPDY version 3')
  const streamId = body.length >= 4 ? body.readUInt32BE(0) & 0x7fffffff : 0
  switch (first & 0xffff) {
    case types.synStream:
      return { type: 'synStream', streamId, isLast, headers: body.subarray(10) }
    case types.synReply:
      return { type: 'synReply', streamId, isLast, headers: body.subarray(4) }
    case types.headers:
      return { type: 'headers', streamId, isLast, headers: body.subarray(4) }
    case types.rstStream:
      return { type: 'rstStream', streamId, status: body.readUInt32BE(4) }
    case types.ping:
      return { type: 'ping', id: body.readUInt32BE(0) }
    case types.goAway:
      return { type: 'goAway', lastStreamId: streamId }
    default:
      return { type: 'ignored' }
  }
}

function makeControlFrame(type: number, flags: number, ...parts: Buffer[]): Buffer {
  const body = Buffer.concat(parts)
  const header = Buffer.alloc(frameHeaderBytes)
  header.writeUInt16BE(0x8000 | version, 0)
  header.writeUInt16BE(type, 2)
  header.writeUInt8(flags, 4)
  header.writeUIntBE(body.length, 5, 3)
  return Buffer.concat([header, body])
}

function uint32(...values: number[]): Buffer {
  const buffer = Buffer.alloc(values.length * 4)
  values.forEach((value, index) => void buffer.writeUInt32BE(value, index * 4))
  return buffer
}

/** Writes a frame; "ignored" ones are never written. */
export function formatFrame(frame: Exclude<Frame, { type: 'ignored' }>): Buffer {
  const flags = 'isLast' in frame && frame.isLast ? finFlag : 0
  switch (frame.type) {
    case 'data': {
      const header = Buffer.alloc(frameHeaderBytes)
      header.writeUInt32BE(frame.streamId, 0)
      header.writeUInt8(flags, 4)
      header.writeUIntBE(frame.data.length, 5, 3)
      return Buffer.concat([header, frame.data])
    }
    case 'synStream':
      return makeControlFrame(types.synStream, flags, uint32(frame.streamId, 0), Buffer.alloc(2), frame.headers)
    case 'synReply':
    case 'headers':
      return makeControlFrame(types[frame.type], flags, uint32(frame.streamId), frame.headers)
    case 'rstStream':
      return makeControlFrame(types.rstStream, 0, uint32(frame.streamId, frame.status))
    case 'ping':
      return makeControlFrame(types.ping, 0, uint32(frame.id))
    case 'goAway':
      return makeControlFrame(types.goAway, 0, uint32(frame.lastStreamId, 0))
  }
}
