// The way to an API server in another process: node:https, with kept-alive connections. A watch holds a connection of its
// own for as long as it lasts; connections are made as they are needed. undici answers half as many requests a second
// again, but costs 30 MB of memory, which an agent on every node feels more.

import * as http from 'node:http'
import * as https from 'node:https'
import type { Transport, TransportRequest, TransportResponse } from './transport.ts'

export interface TlsTransportOptions {
  /** Such as "https://127.0.0.1:6443"; its path, if any, is put before every request's. http: for `kubectl proxy`. */
  server: string
  /** PEM of who signed the server's certificate; the system's own when absent. */
  ca?: string
  /** PEM of the client's certificate and key. */
  cert?: string
  key?: string
  /** A bearer token, for clients without a certificate; a function is asked for each request, as tokens are renewed. */
  token?: string | (() => string)
  /** The name the server's certificate must be for, when it is not that of the URL. */
  servername?: string
  /** Takes any certificate of the server: for experiments. */
  insecure?: boolean
}

const connectTimeoutMs = 10_000
/** How long a silent server may take for the head of an answer. */
const headersTimeoutMs = 60_000

/** Sends requests to one API server. */
export class TlsTransport implements Transport {
  readonly #options: TlsTransportOptions
  #agent: http.Agent | https.Agent
  /** Those of credentials that were replaced, for what is under way on them. */
  readonly #former = new Set<http.Agent>()
  readonly #token: string | (() => string) | undefined
  readonly #url: URL

  constructor(options: TlsTransportOptions) {
    const { server, token } = options
    this.#url = new URL(server)
    this.#options = options
    this.#token = token
    this.#agent = this.#makeAgent(options)
  }

  /**
   * Takes another certificate into use. Requests that begin from now on show it; those under way, such as watches, end as they
   * would have, on their own connections.
   */
  renew(credentials: { cert: string; key: string }): void {
    const former = this.#agent
    this.#agent = this.#makeAgent({ ...this.#options, ...credentials })
    for (const old of this.#former) if (Object.keys(old.sockets).length === 0) this.#former.delete(old)
    this.#former.add(former)
    // No connection of the old credentials is kept for another request.
    former.maxFreeSockets = 0
    for (const socket of Object.values(former.freeSockets).flatMap((free) => free ?? [])) socket.destroy()
  }

  #makeAgent({ ca, cert, key, servername, insecure }: TlsTransportOptions): http.Agent | https.Agent {
    const { Agent } = this.#url.protocol === 'http:' ? http : https
    return new Agent({
      keepAlive: true,
      ...(ca !== undefined && { ca }),
      ...(cert !== undefined && { cert }),
      ...(key !== undefined && { key }),
      ...(servername !== undefined && { servername }),
      rejectUnauthorized: insecure !== true,
    })
  }

  async send(exchange: TransportRequest): Promise<TransportResponse> {
    const response = await this.#exchange(exchange)
    const headers = Object.entries(response.headers).flatMap(([name, value]) =>
      value === undefined ? [] : [[name, Array.isArray(value) ? value.join(', ') : value]],
    )
    return {
      status: response.statusCode ?? 0,
      headers: Object.fromEntries(headers),
      body: readBody(response, exchange.signal),
    }
  }

  /** Ends every exchange that is under way. */
  async close(): Promise<void> {
    for (const agent of [this.#agent, ...this.#former]) agent.destroy()
  }

  #authorization(): Record<string, string> {
    const token = typeof this.#token === 'function' ? this.#token() : this.#token
    return token === undefined ? {} : { authorization: `Bearer ${token}` }
  }

  /** Resolves with the head of the answer. */
  async #exchange({ method, path, headers, body, signal }: TransportRequest): Promise<http.IncomingMessage> {
    signal?.throwIfAborted()
    const { promise, resolve, reject } = Promise.withResolvers<http.IncomingMessage>()
    // Node frames no body of a DELETE by itself.
    const length = body === undefined ? {} : { 'content-length': String(Buffer.byteLength(body)) }
    const options: https.RequestOptions = {
      agent: this.#agent,
      method,
      headers: { ...this.#authorization(), ...length, ...headers },
    }
    const target = new URL(this.#url.pathname.replace(/\/$/, '') + path, this.#url)
    const { request } = this.#url.protocol === 'http:' ? http : https
    const asked = request(target, signal === undefined ? options : { ...options, signal })
    const tooLate = (limitMs: number, what: string) =>
      setTimeout(() => asked.destroy(new Error(`${this.#url.host}: no ${what} within ${limitMs / 1000} s`)), limitMs)
    const headTimer = tooLate(headersTimeoutMs, 'answer')
    asked.on('socket', (socket) => {
      // A watch may be silent for minutes; the kernel's probes find out that its server is gone.
      socket.setKeepAlive(true, 10_000)
      if (!socket.connecting) return
      const connectTimer = tooLate(connectTimeoutMs, 'connection')
      for (const event of ['connect', 'secureConnect', 'close']) socket.once(event, () => clearTimeout(connectTimer))
    })
    asked.on('response', resolve).on('error', (error) => reject(signal?.aborted ? signal.reason : error))
    asked.end(body)
    return await promise.finally(() => clearTimeout(headTimer))
  }
}

/** The chunks as they come; ends with the signal's reason when it aborts. Leaving early ends the exchange. */
async function* readBody(response: http.IncomingMessage, signal: AbortSignal | undefined): AsyncGenerator<Uint8Array> {
  try {
    yield* response
  } catch (error) {
    throw signal?.aborted === true ? signal.reason : error
  }
}
