// The way to an API server in another process: undici over TLS, with kept-alive connections. A watch holds a connection
// of its own for as long as it lasts; connections are made as they are needed.

import { Pool } from 'undici'
import type { Transport, TransportRequest, TransportResponse } from './transport.ts'

export interface TlsTransportOptions {
  /** Such as "https://127.0.0.1:6443"; its path, if any, is put before every request's. */
  server: string
  /** PEM of who signed the server's certificate; the system's own when absent. */
  ca?: string
  /** PEM of the client's certificate and key. */
  cert?: string
  key?: string
  /** A bearer token, for clients without a certificate. */
  token?: string
  /** The name the server's certificate must be for, when it is not that of the URL. */
  servername?: string
  /** Takes any certificate of the server: for experiments. */
  insecure?: boolean
  connectTimeoutMs?: number
  /** How long a silent server may take for the head of an answer. */
  headersTimeoutMs?: number
}

/** Sends requests to one API server. */
export class TlsTransport implements Transport {
  readonly #pool: Pool
  readonly #headers: Record<string, string>
  readonly #prefix: string

  constructor(options: TlsTransportOptions) {
    const url = new URL(options.server)
    const { ca, cert, key, token, servername, insecure, connectTimeoutMs = 10_000, headersTimeoutMs = 60_000 } = options
    this.#prefix = url.pathname.replace(/\/$/, '')
    this.#headers = token === undefined ? {} : { authorization: `Bearer ${token}` }
    this.#pool = new Pool(url.origin, {
      connect: {
        ...(ca !== undefined && { ca }),
        ...(cert !== undefined && { cert }),
        ...(key !== undefined && { key }),
        ...(servername !== undefined && { servername }),
        rejectUnauthorized: insecure !== true,
        timeout: connectTimeoutMs,
        // A watch may be silent for minutes; the kernel's probes find out that its server is gone.
        keepAlive: true,
        keepAliveInitialDelay: 10_000,
      },
      allowH2: false,
      // Watches and logs are silent for as long as nothing happens.
      bodyTimeout: 0,
      headersTimeout: headersTimeoutMs,
      keepAliveTimeout: 30_000,
      pipelining: 1,
    })
  }

  async send({ method, path, headers, body, signal }: TransportRequest): Promise<TransportResponse> {
    const response = await this.#pool.request({
      method: method as 'GET',
      path: this.#prefix + path,
      headers: { ...this.#headers, ...headers },
      body: body ?? null,
      signal: signal ?? null,
    })
    return { status: response.statusCode, headers: flatten(response.headers), body: response.body }
  }

  /** Ends every exchange that is under way. */
  async close(): Promise<void> {
    await this.#pool.destroy()
  }
}

function flatten(headers: Record<string, string | string[] | undefined>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers).flatMap(([name, value]) =>
      value === undefined ? [] : [[name, Array.isArray(value) ? value.join(', ') : value]],
    ),
  )
}
