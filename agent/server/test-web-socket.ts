// A WebSocket client for tests that takes any protocol name, also those with a slash that ws and browsers refuse.

import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { request } from 'node:https'
import type { Duplex } from 'node:stream'

const binary = 2

/** Binary messages over an upgraded connection; frames as RFC 6455 section 5.2 has them. */
class TestWebSocket {
  readonly #socket: Duplex
  #buffer = Buffer.alloc(0)

  constructor(socket: Duplex, onMessage: (data: Buffer) => void) {
    this.#socket = socket
    socket.on('data', (chunk: Buffer) => {
      this.#buffer = Buffer.concat([this.#buffer, chunk])
      for (let frame = this.#takeFrame(); frame !== undefined; frame = this.#takeFrame())
        if (frame.opcode === binary) onMessage(frame.data)
    })
  }

  send(data: Buffer): void {
    const mask = randomBytes(4)
    const header = Buffer.from([0x80 | binary, 0x80 | 126, 0, 0])
    header.writeUInt16BE(data.length, 2)
    const masked = data.map((byte, index) => byte ^ (mask[index % 4] ?? 0))
    this.#socket.write(Buffer.concat([header, mask, masked]))
  }

  close(): void {
    this.#socket.destroy()
  }

  #takeFrame(): { opcode: number; data: Buffer } | undefined {
    if (this.#buffer.length < 4) return undefined
    const short = (this.#buffer[1] ?? 0) & 0x7f
    const start = short === 126 ? 4 : 2
    const end = start + (short === 126 ? this.#buffer.readUInt16BE(2) : short)
    if (this.#buffer.length < end) return undefined
    const frame = { opcode: (this.#buffer[0] ?? 0) & 0x0f, data: this.#buffer.subarray(start, end) }
    this.#buffer = this.#buffer.subarray(end)
    return frame
  }
}

/** Returns the protocol that the server chose, and the connection. */
export async function openTestWebSocket(options: object, protocol: string, onMessage: (data: Buffer) => void) {
  const headers = {
    Connection: 'Upgrade',
    Upgrade: 'websocket',
    'Sec-WebSocket-Version': '13',
    'Sec-WebSocket-Key': randomBytes(16).toString('base64'),
    'Sec-WebSocket-Protocol': protocol,
  }
  const [response, socket] = await once(request({ ...options, headers }).end(), 'upgrade')
  return { chosen: response.headers['sec-websocket-protocol'], client: new TestWebSocket(socket, onMessage) }
}
