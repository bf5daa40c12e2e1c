import type { IncomingMessage } from 'node:http'
import { tooLarge } from '../../../api/objects/status-error.ts'

/** As much as Kubernetes takes. */
export const bodyLimitBytes = 3 * 1024 * 1024
/** How much more is read and thrown away, so that the client gets to reading the refusal. */
const discardLimitBytes = 64 * 1024 * 1024

/**
 * Reads the body to its end, and keeps no more than the limit of it. Throws TooLarge, or another Error if the connection
 * ends before the body does.
 */
export async function readRequestBody(message: IncomingMessage, limitBytes: number): Promise<Uint8Array> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of message as AsyncIterable<Buffer>) {
    bytes += chunk.length
    if (bytes <= limitBytes) chunks.push(chunk)
    else if (bytes > discardLimitBytes) break
    else chunks.length = 0
  }
  if (bytes > limitBytes) throw tooLarge(limitBytes)
  if (!message.complete) throw new Error('the request was cut off')
  return chunks.length === 1 && chunks[0] !== undefined ? chunks[0] : Buffer.concat(chunks)
}
