// WebSockets to an API server whose messages start with a byte that says which channel they belong to.
// https://kubernetes.io/docs/reference/using-api/api-concepts/ and KEP 4006

import { WebSocket } from 'ws'
import type { Kubeconfig } from '../api/client/kubeconfig.ts'
import type { Status } from '../api/generated/types.ts'
import { StatusError } from '../api/objects/status-error.ts'

/**
 * Opens the WebSocket; resolves when it is open. It is paused, so that nothing is lost that comes before somebody listens: call
 * resume(). Throws StatusError when the server answers with one instead.
 */
export async function openChannels(kubeconfig: Kubeconfig, path: string, protocols: string[]): Promise<WebSocket> {
  const { server, ca, cert, key, token, servername, insecure } = kubeconfig
  const url = new URL(server.replace(/\/$/, '') + path)
  url.protocol = url.protocol === 'http:' ? 'ws:' : 'wss:'
  const socket = new WebSocket(url, protocols, {
    ...(ca !== undefined && { ca }),
    ...(cert !== undefined && { cert }),
    ...(key !== undefined && { key }),
    ...(servername !== undefined && { servername }),
    ...(token !== undefined && { headers: { authorization: `Bearer ${token}` } }),
    rejectUnauthorized: insecure !== true,
    perMessageDeflate: false,
    handshakeTimeout: 30_000,
  })
  socket.binaryType = 'nodebuffer'
  await new Promise<void>((resolve, reject) => {
    socket.once('open', () => {
      socket.pause()
      resolve()
    })
    socket.once('error', reject)
    socket.once('unexpected-response', (_, response) => {
      const chunks: Buffer[] = []
      response.on('data', (chunk: Buffer) => chunks.push(chunk))
      response.on('end', () => reject(toError(response.statusCode ?? 500, Buffer.concat(chunks).toString('utf8'))))
      response.on('error', reject)
    })
  })
  return socket
}

function toError(code: number, text: string): Error {
  const status = parseStatus(text)
  if (status !== undefined) return StatusError.from({ code, ...status })
  return new StatusError(code, 'Unknown', text.trim() || `the server answered ${code} instead of a WebSocket`)
}

/** The Status in a text, if it is one. */
export function parseStatus(text: string): Status | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null ? value : undefined
  } catch {
    return undefined // older servers send plain words
  }
}

/** A message with its channel in front. */
export function frame(channel: number, data: Uint8Array | string): Buffer {
  return Buffer.concat([Buffer.of(channel), typeof data === 'string' ? Buffer.from(data) : data])
}

/** The channel and the rest of a message. */
export function unframe(message: Buffer): { channel: number; data: Buffer } {
  return { channel: message[0] ?? -1, data: message.subarray(1) }
}
