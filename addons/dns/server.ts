// Questions by UDP and TCP on one port. TCP answers as they are ready, several at once (RFC 7766), and ends quiet connections.
// Whatever is asked, and however, must not end the server: everybody's names depend on it.

import { createSocket, type RemoteInfo, type Socket as UdpSocket } from 'node:dgram'
import { createServer, isIPv6, type Server, type Socket } from 'node:net'
import { type Asked, failure, type Outcome, readQuestion, writeAnswer } from './message.ts'
import { readFrames, toFrame } from './tcp-frames.ts'

export type Protocol = 'udp' | 'tcp'

export interface DnsServerOptions {
  /** "::" takes both families. */
  host: string
  port: number
  resolve: (asked: Asked) => Promise<Outcome>
  onError: (error: unknown) => void
  onAnswered?: (asked: Asked, outcome: Outcome, protocol: Protocol, tookMs: number) => void
}

const tcpIdleMs = 10_000
const tcpLimit = 65_535
const maxTcpClients = 1_000
/** So many questions of one connection are answered at once; the next are read when answers have been taken. */
const maxPipelined = 64
/** A burst of questions waits in the kernel rather than being lost while a big list is read. */
const receiveBuffer = 1024 * 1024

export class DnsServer {
  readonly #options: DnsServerOptions
  readonly #udp: UdpSocket
  readonly #tcp: Server
  readonly #clients = new Set<Socket>()

  constructor(options: DnsServerOptions) {
    this.#options = options
    this.#udp = createSocket({ type: isIPv6(options.host) ? 'udp6' : 'udp4', recvBufferSize: receiveBuffer })
    this.#udp.on('message', (message, from) => void this.#answerUdp(message, from).catch(options.onError))
    // A client that has sent its last question still waits for the answer.
    this.#tcp = createServer({ allowHalfOpen: true }, (socket) => this.#serveTcp(socket))
    this.#tcp.maxConnections = maxTcpClients
  }

  /** Returns the port, which the kernel chooses for port 0. */
  async listen(): Promise<number> {
    const { host, onError } = this.#options
    const tcp = Promise.withResolvers<void>()
    this.#tcp.once('error', tcp.reject)
    this.#tcp.listen({ host, port: this.#options.port }, tcp.resolve)
    await tcp.promise
    const address = this.#tcp.address()
    const port = typeof address === 'object' && address !== null ? address.port : this.#options.port
    const udp = Promise.withResolvers<void>()
    this.#udp.once('error', udp.reject)
    this.#udp.bind({ address: host, port }, udp.resolve)
    await udp.promise
    for (const socket of [this.#tcp, this.#udp]) socket.on('error', onError)
    return port
  }

  async close(): Promise<void> {
    for (const client of this.#clients) client.destroy()
    await Promise.all([
      new Promise<void>((resolve) => this.#udp.close(resolve)),
      new Promise<void>((resolve) => this.#tcp.close(() => resolve())),
    ])
  }

  async #answerUdp(message: Buffer, { port, address }: RemoteInfo): Promise<void> {
    // Source port 0 means that no answer is wanted (RFC 768), and Node throws when it is sent to.
    if (port === 0) return
    const answer = await this.#answer(message, 'udp')
    if (answer !== undefined) this.#udp.send(answer, port, address, (error) => error && this.#options.onError(error))
  }

  #serveTcp(socket: Socket): void {
    this.#clients.add(socket)
    socket.setTimeout(tcpIdleMs, () => socket.destroy())
    socket.on('close', () => this.#clients.delete(socket))
    // A client that goes while it is being answered.
    socket.on('error', () => socket.destroy())
    let [pending, hasEnded] = [0, false]
    const goOn = () => {
      // Who does not take answers is not read from: they would pile up here.
      if (pending >= maxPipelined || socket.writableNeedDrain) socket.pause()
      else if (socket.isPaused()) socket.resume()
      if (hasEnded && pending === 0) socket.end()
    }
    socket.on('drain', goOn)
    socket.on('end', () => {
      hasEnded = true
      goOn()
    })
    readFrames(socket, (message) => {
      pending++
      goOn()
      this.#answer(message, 'tcp')
        .then((answer) => answer !== undefined && socket.writable && socket.write(toFrame(answer)))
        .catch(this.#options.onError)
        .finally(() => {
          pending--
          goOn()
        })
    })
  }

  async #answer(message: Buffer, protocol: Protocol): Promise<Buffer | undefined> {
    const reading = readQuestion(message)
    if (reading === undefined) return undefined
    if ('refusal' in reading) return reading.refusal
    const started = performance.now()
    const { asked } = reading
    const outcome = await this.#options.resolve(asked).catch((error: unknown) => {
      this.#options.onError(error)
      return failure('SERVFAIL')
    })
    this.#options.onAnswered?.(asked, outcome, protocol, performance.now() - started)
    return this.#write(asked, outcome, protocol === 'udp' ? asked.udpSize : tcpLimit)
  }

  /** A record that cannot be written, such as a label of more than 63 bytes from an upstream, must not end the server. */
  #write(asked: Asked, outcome: Outcome, limit: number): Buffer {
    try {
      return writeAnswer(asked, outcome, limit)
    } catch (error) {
      this.#options.onError(error)
      return writeAnswer(asked, failure('SERVFAIL'), limit)
    }
  }
}
