// Reaches an API server in the same process: no sockets, no TLS, no copies but of the body.

import { setImmediate as turn } from 'node:timers/promises'
import type { Transport, TransportRequest, TransportResponse } from '../../api/client/transport.ts'
import type { ApiResponse, RequestHandler, User } from './exchange.ts'

export class LocalTransport implements Transport {
  readonly #handler: RequestHandler
  readonly #user: User
  readonly #closed = new AbortController()

  constructor(handler: RequestHandler, user: User) {
    this.#handler = handler
    this.#user = user
  }

  async send({ method, path, headers, body, signal }: TransportRequest): Promise<TransportResponse> {
    const ended = AbortSignal.any([this.#closed.signal, ...(signal === undefined ? [] : [signal])])
    // Promises alone never let timers and sockets have their turn: controllers that answer one another would hold up all else.
    await turn()
    ended.throwIfAborted()
    const response = await this.#handler.handle({
      method,
      url: new URL(path, 'https://localhost'),
      headers,
      body: typeof body === 'string' ? Buffer.from(body) : (body ?? new Uint8Array()),
      user: this.#user,
      signal: ended,
    })
    ended.throwIfAborted()
    return { status: response.status, headers: response.headers, body: toChunks(response.body, ended) }
  }

  /** Ends all streams; later requests fail. */
  async close(): Promise<void> {
    this.#closed.abort(new Error('the connection to the API server is closed'))
  }
}

async function* toChunks(body: ApiResponse['body'], signal: AbortSignal): AsyncGenerator<Uint8Array> {
  if (typeof body === 'string' || body instanceof Uint8Array) {
    yield toBytes(body)
    return
  }
  for await (const chunk of body) yield toBytes(chunk)
  // A real connection breaks when it is cut; a watch that merely ends would look as if the server had ended it.
  signal.throwIfAborted()
}

function toBytes(chunk: string | Uint8Array): Uint8Array {
  return typeof chunk === 'string' ? Buffer.from(chunk) : chunk
}
