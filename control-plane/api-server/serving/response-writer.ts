// Puts an answer on the wire. A slow reader of a stream makes its producer wait; nothing piles up here.

import { once } from 'node:events'
import type { ServerResponse } from 'node:http'
import { promisify } from 'node:util'
import { constants, gzip } from 'node:zlib'
import type { ApiResponse } from '../exchange.ts'

const compress = promisify(gzip)
const gzipFromBytes = 128 * 1024

/** Resolves when everything was handed to the kernel, or the client has gone. */
export async function writeResponse(
  response: ServerResponse,
  answer: ApiResponse,
  acceptEncoding: string | undefined,
): Promise<void> {
  const { status, headers, body } = answer
  if (typeof body === 'string' || body instanceof Uint8Array) {
    const bytes = typeof body === 'string' ? Buffer.from(body) : body
    const zip = bytes.length >= gzipFromBytes && /\bgzip\b/.test(acceptEncoding ?? '') && !headers['content-encoding']
    // Level 1: on a local network the time counts more than the last bytes.
    const sent = zip ? await compress(bytes, { level: constants.Z_BEST_SPEED }) : bytes
    const encoding = zip && { 'content-encoding': 'gzip', vary: 'Accept-Encoding' }
    response.writeHead(status, { ...headers, ...encoding, 'content-length': sent.length })
    response.end(sent)
    return
  }
  response.writeHead(status, headers)
  response.flushHeaders()
  await writeStream(response, body)
}

async function writeStream(response: ServerResponse, body: AsyncIterable<string | Uint8Array>): Promise<void> {
  const gone = new Promise<void>((resolve) => response.once('close', resolve))
  try {
    for await (const chunk of body) {
      if (response.destroyed) return
      if (!response.write(chunk)) await Promise.race([once(response, 'drain'), gone])
    }
    response.end()
  } catch (error) {
    // The head is out: all that can be said now is that the answer is not complete.
    response.destroy()
    throw error
  }
}
