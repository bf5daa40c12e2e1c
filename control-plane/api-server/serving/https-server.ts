// The API server's port: TLS with client certificates in, ApiRequests out. Clients without a certificate are anonymous, so
// that wrong credentials get an answer and not a broken handshake. Everything that speaks HTTP is here and nothing else is.

import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer, type Server } from 'node:https'
import type { AddressInfo } from 'node:net'
import type { Duplex } from 'node:stream'
import { TLSSocket } from 'node:tls'
import { badRequest, StatusError } from '../../../api/objects/status-error.ts'
import { type ApiRequest, anonymous, type RequestHandler } from '../exchange.ts'
import { type AuthenticateToken, authenticate } from './authentication.ts'
import { bodyLimitBytes, readRequestBody } from './request-body.ts'
import { writeResponse } from './response-writer.ts'
import { toErrorResponse } from './status-response.ts'
import { TlsPort } from './tls-port.ts'

/** Takes over connections that change their protocol (exec, attach, port-forward). */
export interface UpgradeHandler {
  /** Whether this request is one to take over; others are served as if no upgrade was asked for. */
  takes(method: string, url: URL): boolean
  /** Owns the socket from here on. head are bytes that came after the request. Never throws. */
  upgrade(request: ApiRequest, socket: Duplex, head: Buffer): Promise<void>
}

export interface HttpsServerOptions {
  /** PEM. */
  cert: string
  key: string
  /** PEM of the authority whose client certificates count. */
  clientCa: string
  authenticateToken: AuthenticateToken
  handler: RequestHandler
  upgrades: UpgradeHandler
  /** How long a client may take to send the head of a request. */
  headersTimeoutMs?: number
  onError: (error: unknown) => void
}

/** Whom nobody vouches for has little to say, and many connections must not fill the memory. */
const strangerBodyLimitBytes = 16 * 1024
const origin = 'https://api'

export class HttpsServer {
  readonly #server: Server
  readonly #port: TlsPort
  readonly #options: HttpsServerOptions
  readonly #stopping = new AbortController()

  constructor(options: HttpsServerOptions) {
    this.#options = options
    const headersTimeout = options.headersTimeoutMs ?? 15_000
    this.#server = createServer({
      cert: options.cert,
      key: options.key,
      ca: options.clientCa,
      requestCert: true,
      rejectUnauthorized: false,
      minVersion: 'TLSv1.2',
      handshakeTimeout: 10_000,
      // Slow heads and bodies are cut; answers may take for ever (watches).
      headersTimeout,
      connectionsCheckingInterval: headersTimeout / 3,
      requestTimeout: 60_000,
      keepAliveTimeout: 90_000,
      keepAlive: true,
      keepAliveInitialDelay: 30_000,
      shouldUpgradeCallback: (message: IncomingMessage) => this.#takesUpgrade(message),
    })
    this.#server.on('request', (message, response) => void this.#serve(message, response))
    this.#server.on('upgrade', (message, socket, head) => void this.#upgrade(message, socket, head))
    this.#port = new TlsPort(this.#server)
  }

  /** Resolves when connections are taken; port 0 takes any. Throws when the port is taken. */
  async listen(port: number, host: string): Promise<AddressInfo> {
    const address = await this.#port.listen(port, host)
    // Node begins to watch over slow and idle connections when a server listens, which here another does for it.
    this.#server.emit('listening')
    return address
  }

  /** From now on new connections see these. */
  renew(cert: string, key: string): void {
    this.#server.setSecureContext({ cert, key, ca: this.#options.clientCa })
  }

  /** Ends watches, lets short requests end within the time, and cuts what is left. */
  async close(graceMs: number): Promise<void> {
    this.#stopping.abort()
    const closed = this.#port.close()
    this.#server.closeIdleConnections()
    const cut = setTimeout(() => this.#port.cut(), graceMs)
    await closed
    clearTimeout(cut)
  }

  async #serve(message: IncomingMessage, response: ServerResponse): Promise<void> {
    const gone = new AbortController()
    response.once('close', () => gone.abort())
    const signal = AbortSignal.any([gone.signal, this.#stopping.signal])
    try {
      const request = await this.#read(message, signal)
      const answer = await this.#options.handler.handle(request)
      await writeResponse(response, answer, message.headers['accept-encoding'])
    } catch (error) {
      await this.#refuse(message, response, error)
    } finally {
      gone.abort()
      // While stopping no connection is kept for another request; what is written goes out first.
      if (this.#stopping.signal.aborted) message.socket.destroySoon()
    }
  }

  async #read(message: IncomingMessage, signal: AbortSignal): Promise<ApiRequest> {
    const head = this.#readHead(message)
    const isKnown = await head.then(
      ({ user }) => user !== anonymous,
      () => false,
    )
    // Also who is refused is read to the end: a client reads no answer before it has sent everything.
    const body = await readRequestBody(message, isKnown ? bodyLimitBytes : strangerBodyLimitBytes).catch(
      async (error) => {
        await head
        throw error
      },
    )
    return { ...(await head), body, signal }
  }

  async #readHead(message: IncomingMessage): Promise<Omit<ApiRequest, 'body' | 'signal'>> {
    const { socket, method = 'GET', headers } = message
    if (!(socket instanceof TLSSocket)) throw badRequest('not a TLS connection')
    const user = await authenticate(socket, headers.authorization, this.#options.authenticateToken)
    const url = parseUrl(message)
    if (url === undefined) throw badRequest(`invalid request URI`)
    return { method, url, headers: flatten(headers), user }
  }

  async #refuse(message: IncomingMessage, response: ServerResponse, error: unknown): Promise<void> {
    const gone = message.socket.destroyed
    if (!gone && !(error instanceof StatusError)) this.#options.onError(error)
    if (gone || response.headersSent) {
      message.socket.destroy()
      return
    }
    if (!message.complete) response.setHeader('connection', 'close')
    await writeResponse(response, toErrorResponse(error), undefined)
  }

  #takesUpgrade(message: IncomingMessage): boolean {
    const url = parseUrl(message)
    return url !== undefined && this.#options.upgrades.takes(message.method ?? 'GET', url)
  }

  async #upgrade(message: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    const gone = new AbortController()
    socket.once('close', () => gone.abort())
    socket.on('error', () => socket.destroy()) // a client that went; close follows
    try {
      const signal = AbortSignal.any([gone.signal, this.#stopping.signal])
      const request = { ...(await this.#readHead(message)), body: new Uint8Array(), signal }
      await this.#options.upgrades.upgrade(request, socket, head)
    } catch (error) {
      if (!(error instanceof StatusError)) this.#options.onError(error)
      refuseUpgrade(socket, error)
    }
  }
}

/** Answers a request for another protocol with a Status, and ends the connection. */
function refuseUpgrade(socket: Duplex, error: unknown): void {
  const { status, body } = toErrorResponse(error)
  const text = String(body)
  const reason = status === 500 ? 'Internal Server Error' : 'Refused'
  const head = [
    `HTTP/1.1 ${status} ${reason}`,
    'Content-Type: application/json',
    `Content-Length: ${Buffer.byteLength(text)}`,
  ]
  socket.end(`${head.join('\r\n')}\r\nConnection: close\r\n\r\n${text}`)
}

function parseUrl({ url = '' }: IncomingMessage): URL | undefined {
  return url.startsWith('/') && URL.canParse(origin + url) ? new URL(origin + url) : undefined
}

function flatten(headers: IncomingMessage['headers']): Record<string, string | undefined> {
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [name, Array.isArray(value) ? value.join(', ') : value]),
  )
}
