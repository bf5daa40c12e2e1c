// One SPDY/3.1 connection over anything that carries bytes in order. It serves port-forward, whose clients (kubectl's Go
// library) do no flow control on streams: what holds back a fast sender is the connection below.

import { Duplex } from 'node:stream'
import { type Frame, FrameReader, formatFrame } from './frames.ts'
import { HeaderCodec, type SpdyHeaders } from './headers.ts'

const cancelStatus = 5
const invalidStreamStatus = 2
/** Larger writes are cut: kubectl reads a frame as a whole. */
const dataLimitBytes = 32 * 1024

type SendFrame = (frame: Exclude<Frame, { type: 'ignored' }>) => Promise<void>

/** A stream of the connection: ends of its two directions are independent of each other. */
export class SpdyStream extends Duplex {
  readonly id: number
  readonly headers: SpdyHeaders
  readonly #send: SendFrame
  #onRead: (() => void) | undefined
  #finished = { here: false, there: false }

  constructor(id: number, headers: SpdyHeaders, send: SendFrame) {
    super({ allowHalfOpen: true })
    this.id = id
    this.headers = headers
    this.#send = send
  }

  /** Takes what the other side sent; resolves when there is room for more. */
  async receive(data: Buffer, isLast: boolean): Promise<void> {
    const hasRoom = data.length === 0 || this.push(data)
    if (isLast) {
      this.#finished.there = true
      this.push(null)
    } else if (!hasRoom) await new Promise<void>((resolve) => (this.#onRead = resolve))
  }

  override _read(): void {
    this.#onRead?.()
    this.#onRead = undefined
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    this.#sendData(chunk).then(() => done(), done)
  }

  override _final(done: (error?: Error | null) => void): void {
    this.#finished.here = true
    this.#send({ type: 'data', streamId: this.id, isLast: true, data: Buffer.alloc(0) }).then(() => done(), done)
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this._read()
    const isFinished = this.#finished.here && this.#finished.there
    this.#finished = { here: true, there: true }
    const reset = { type: 'rstStream', streamId: this.id, status: cancelStatus } as const
    const told = isFinished ? Promise.resolve() : this.#send(reset)
    told.then(() => done(error), done)
  }

  async #sendData(chunk: Buffer): Promise<void> {
    for (let start = 0; start < chunk.length; start += dataLimitBytes) {
      const data = chunk.subarray(start, start + dataLimitBytes)
      await this.#send({ type: 'data', streamId: this.id, isLast: false, data })
    }
  }
}

export interface SpdySessionOptions {
  /** Sends bytes to the other side; resolves when more may follow. */
  write: (bytes: Buffer) => Promise<void>
  /** A stream that the other side opened; it has been accepted. */
  onStream: (stream: SpdyStream) => void
}

/** Opens streams too, so that tests can be the client. */
export class SpdySession {
  readonly #options: SpdySessionOptions
  readonly #reader = new FrameReader()
  readonly #codec = new HeaderCodec()
  readonly #streams = new Map<number, SpdyStream>()
  #nextStreamId = 1

  constructor(options: SpdySessionOptions) {
    this.#options = options
  }

  /** Takes bytes of the other side. One call at a time; throws when they are no SPDY. */
  async receive(bytes: Buffer): Promise<void> {
    for (const frame of this.#reader.read(bytes)) await this.#handle(frame)
  }

  /** Opens a stream; the other side's consent is not waited for. */
  async open(headers: SpdyHeaders): Promise<SpdyStream> {
    const streamId = this.#nextStreamId
    this.#nextStreamId += 2
    const stream = this.#add(streamId, headers)
    await this.#send({ type: 'synStream', streamId, isLast: false, headers: await this.#codec.encode(headers) })
    return stream
  }

  /** The connection is gone: every stream ends. */
  close(): void {
    for (const stream of this.#streams.values()) stream.destroy()
    this.#streams.clear()
    this.#codec.close()
  }

  async #handle(frame: Frame): Promise<void> {
    switch (frame.type) {
      case 'synStream':
        return await this.#accept(frame)
      case 'data': {
        const stream = this.#streams.get(frame.streamId)
        if (stream !== undefined) return await stream.receive(frame.data, frame.isLast)
        return await this.#send({ type: 'rstStream', streamId: frame.streamId, status: invalidStreamStatus })
      }
      case 'rstStream':
        this.#streams.get(frame.streamId)?.destroy()
        return
      case 'ping':
        // Ours would be even; an answer to one is not answered again.
        if (frame.id % 2 === 1) await this.#send(frame)
        return
      case 'synReply':
      case 'headers':
        // The compressor's state goes on with every block, read or not.
        await this.#codec.decode(frame.headers)
        return
    }
  }

  async #accept({ streamId, isLast, headers }: Extract<Frame, { type: 'synStream' }>): Promise<void> {
    const stream = this.#add(streamId, await this.#codec.decode(headers))
    await this.#send({ type: 'synReply', streamId, isLast: false, headers: await this.#codec.encode({}) })
    if (isLast) await stream.receive(Buffer.alloc(0), true)
    this.#options.onStream(stream)
  }

  #add(streamId: number, headers: SpdyHeaders): SpdyStream {
    const stream = new SpdyStream(streamId, headers, (frame) => this.#send(frame))
    this.#streams.set(streamId, stream)
    stream.on('close', () => this.#streams.delete(streamId))
    // A stream that breaks is its user's business; without a listener it would end the program.
    stream.on('error', () => stream.destroy())
    return stream
  }

  #send(frame: Exclude<Frame, { type: 'ignored' }>): Promise<void> {
    return this.#options.write(formatFrame(frame))
  }
}
