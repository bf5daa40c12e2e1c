// Header blocks of SPDY/3.1: name and value pairs, compressed by one deflate stream per direction for the connection's life.

import type { Transform } from 'node:stream'
import { constants, createDeflate, createInflate } from 'node:zlib'
import { headerDictionary } from './dictionary.ts'

export type SpdyHeaders = Record<string, string>

const zlibOptions = {
  dictionary: headerDictionary,
  flush: constants.Z_SYNC_FLUSH,
  finishFlush: constants.Z_SYNC_FLUSH,
}

/** Compresses and expands in order: a block must be awaited before the next one is given. */
export class HeaderCodec {
  readonly #deflate = createDeflate(zlibOptions)
  readonly #inflate = createInflate(zlibOptions)

  encode(headers: SpdyHeaders): Promise<Buffer> {
    return passThrough(this.#deflate, formatBlock(headers))
  }

  async decode(block: Buffer): Promise<SpdyHeaders> {
    return parseBlock(await passThrough(this.#inflate, block))
  }

  /** Frees the compressors' memory. */
  close(): void {
    this.#deflate.close()
    this.#inflate.close()
  }
}

function passThrough(codec: Transform, input: Buffer): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    codec.once('error', reject)
    codec.write(input, () => {
      codec.removeListener('error', reject)
      const pieces: Buffer[] = []
      for (let piece = codec.read(); piece !== null; piece = codec.read()) pieces.push(piece)
      resolve(Buffer.concat(pieces))
    })
  })
}

function formatBlock(headers: SpdyHeaders): Buffer {
  const texts = Object.entries(headers).flatMap(([name, value]) => [name.toLowerCase(), value])
  const count = Buffer.alloc(4)
  count.writeUInt32BE(texts.length / 2)
  const fields = texts.map((text) => {
    const bytes = Buffer.from(text)
    const length = Buffer.alloc(4)
    length.writeUInt32BE(bytes.length)
    return Buffer.concat([length, bytes])
  })
  return Buffer.concat([count, ...fields])
}

function parseBlock(block: Buffer): SpdyHeaders {
  let offset = 4
  const readText = () => {
    const start = offset + 4
    offset = start + block.readUInt32BE(offset)
    if (offset > block.length) throw new Error('SPDY header block is cut off')
    return block.toString('utf8', start, offset)
  }
  const headers: SpdyHeaders = {}
  for (let left = block.readUInt32BE(0); left > 0; left--) {
    const name = readText()
    headers[name] = readText()
  }
  return headers
}
