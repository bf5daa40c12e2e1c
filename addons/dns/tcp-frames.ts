// Messages in a TCP stream: each after its length in two bytes (RFC 1035, 4.2.2).

import type { Socket } from 'node:net'

/** A message with its length before it. */
export function toFrame(message: Buffer): Buffer {
  const length = Buffer.alloc(2)
  length.writeUInt16BE(message.length)
  return Buffer.concat([length, message])
}

/** Calls back for each whole message, in whatever pieces the stream brings them; while the socket is paused, for none. */
export function readFrames(socket: Socket, onMessage: (message: Buffer) => void): void {
  let pending: Buffer = Buffer.alloc(0)
  const read = () => {
    while (pending.length >= 2 && !socket.isPaused()) {
      const end = 2 + pending.readUInt16BE(0)
      if (pending.length < end) return
      const message = pending.subarray(2, end)
      pending = pending.subarray(end)
      onMessage(message)
    }
  }
  socket.on('data', (chunk: Buffer) => {
    pending = pending.length === 0 ? chunk : Buffer.concat([pending, chunk])
    read()
  })
  socket.on('resume', read)
}
