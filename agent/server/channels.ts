// Kubernetes' streams over one WebSocket: each message begins with the number of its channel.
// Protocols: https://kubernetes.io/docs/reference/using-api/api-concepts/ and k8s.io/apimachinery/pkg/util/remotecommand

import type { WebSocket } from 'ws'

export const channelProtocols = [
  'v5.channel.k8s.io',
  'v4.channel.k8s.io',
  'v3.channel.k8s.io',
  'v2.channel.k8s.io',
  'channel.k8s.io',
  'v4.base64.channel.k8s.io',
  'base64.channel.k8s.io',
]

/** v5: the message [255, channel] ends that channel. */
const closeSignal = 255

export interface ChannelHandlers {
  /** Resolves when more may come; until then the client is held back. */
  onMessage(channel: number, data: Buffer): Promise<void> | void
  /** The client will send no more on this channel. */
  onEnd(channel: number): void
  /** The connection is gone. */
  onClose(): void
}

/** The channels of one connection. base64 protocols write the channel as a digit and the data as text. */
export class Channels {
  readonly #socket: WebSocket
  readonly #isBase64: boolean
  readonly protocol: string

  constructor(socket: WebSocket, protocol: string, handlers: ChannelHandlers) {
    this.#socket = socket
    this.protocol = protocol
    this.#isBase64 = protocol.includes('base64')
    socket.on('message', (message) => {
      // What cannot be taken ends the connection: a broken message, or a process that could not be started.
      this.#receive(toBuffer(message), handlers).catch(() => socket.close(1011))
    })
    socket.on('close', () => handlers.onClose())
    // Followed by "close", which is enough to know.
    socket.on('error', () => socket.terminate())
  }

  /** Resolves when the message has been handed to the kernel, so that a slow client holds back its sender. */
  send(channel: number, data: Buffer): Promise<void> {
    const message = this.#isBase64
      ? `${channel}${data.toString('base64')}`
      : Buffer.concat([Buffer.from([channel]), data])
    return new Promise((resolve) => this.#socket.send(message, () => resolve()))
  }

  close(): void {
    this.#socket.close(1000)
  }

  async #receive(message: Buffer, { onMessage, onEnd }: ChannelHandlers): Promise<void> {
    const first = message[0]
    if (first === undefined) return
    if (first === closeSignal && this.protocol.startsWith('v5')) return onEnd(message[1] ?? 0)
    const channel = this.#isBase64 ? first - 0x30 : first
    const data = this.#isBase64 ? Buffer.from(message.toString('latin1', 1), 'base64') : message.subarray(1)
    const done = onMessage(channel, data)
    if (done === undefined) return
    this.#socket.pause()
    await done.finally(() => this.#socket.resume())
  }
}

/** ws hands out messages whole, in pieces or as an ArrayBuffer. */
export function toBuffer(message: Buffer | ArrayBuffer | Buffer[]): Buffer {
  if (Array.isArray(message)) return Buffer.concat(message)
  return Buffer.isBuffer(message) ? message : Buffer.from(message)
}
