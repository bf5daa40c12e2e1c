// A listening port that looks at the first byte of each connection: a TLS handshake begins with 22; who speaks plain HTTP
// instead is told so.

import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'

const handshakeByte = 22
const firstByteTimeoutMs = 10_000
const plainText = 'Client sent an HTTP request to an HTTPS server.\n'
const refusal = `HTTP/1.0 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: ${plainText.length}\r\nConnection: close\r\n\r\n${plainText}`

export class TlsPort {
  readonly #listener: Server
  readonly #sockets = new Set<Socket>()

  /** Connections that begin a handshake are given to the TLS server, which does not listen itself. */
  constructor(tlsServer: { emit(event: 'connection', socket: Socket): boolean }) {
    this.#listener = createServer({ noDelay: true, keepAlive: true, keepAliveInitialDelay: 30_000 }, (socket) => {
      this.#sockets.add(socket)
      socket.once('close', () => this.#sockets.delete(socket))
      socket.on('error', () => socket.destroy()) // a client that went; close follows
      const timer = setTimeout(() => socket.destroy(), firstByteTimeoutMs)
      socket.once('data', (bytes: Buffer) => {
        clearTimeout(timer)
        socket.pause()
        if (bytes[0] !== handshakeByte) {
          socket.end(refusal)
          return
        }
        socket.unshift(bytes)
        tlsServer.emit('connection', socket)
      })
      socket.once('close', () => clearTimeout(timer))
    })
  }

  async listen(port: number, host: string): Promise<AddressInfo> {
    const listening = Promise.withResolvers<void>()
    this.#listener.once('error', listening.reject)
    this.#listener.listen({ port, host }, listening.resolve)
    await listening.promise
    this.#listener.removeListener('error', listening.reject)
    const address = this.#listener.address()
    if (address === null || typeof address === 'string') throw new Error('not listening on a port')
    return address
  }

  /** Takes no more connections; resolves when those that are there have ended. */
  async close(): Promise<void> {
    await new Promise<void>((resolve) => this.#listener.close(() => resolve()))
  }

  /** Ends every connection at once. */
  cut(): void {
    for (const socket of this.#sockets) socket.destroy()
  }
}
