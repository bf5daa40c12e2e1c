// The way to agents: TLS with the API server's own certificate. An agent must show a certificate of the cluster's authority
// with its node's name, so that no node can stand in for another, whatever address it reports.

import { type IncomingMessage, request } from 'node:http'
import { isIP } from 'node:net'
import type { Duplex } from 'node:stream'
import { checkServerIdentity, connect, type TLSSocket } from 'node:tls'
import { internalError, StatusError } from '../../../api/objects/status-error.ts'
import type { AgentAddress } from './agent-address.ts'
import { toRefusal } from './agent-answer.ts'

export interface AgentCredentials {
  /** PEM. */
  cert: string
  key: string
  ca: string
}

export interface AgentRequest {
  method: string
  /** Path and query at the agent. */
  path: string
  headers: Record<string, string>
  body?: Uint8Array
  signal: AbortSignal
}

const connectTimeoutMs = 10_000

export class AgentConnections {
  readonly #credentials: () => AgentCredentials

  /** Credentials are asked for anew each time: they may be renewed while the process runs. */
  constructor(credentials: () => AgentCredentials) {
    this.#credentials = credentials
  }

  /** Sends a request and returns the answer's head; its body is a stream. Throws InternalError when no answer comes. */
  async send(address: AgentAddress, { method, path, headers, body, signal }: AgentRequest): Promise<IncomingMessage> {
    const socket = await this.dial(address, signal)
    const answer = Promise.withResolvers<IncomingMessage>()
    const outgoing = request({ method, path, headers, signal, createConnection: () => socket })
    outgoing.once('response', answer.resolve)
    outgoing.on('error', answer.reject)
    outgoing.end(body)
    return await answer.promise.catch((cause: unknown) => fail(address, path, cause))
  }

  /** A connection to where the agent's path leads, for bytes of any protocol. Throws the agent's refusal. */
  async tunnel(address: AgentAddress, path: string, signal: AbortSignal): Promise<Duplex> {
    const socket = await this.dial(address, signal)
    const opened = Promise.withResolvers<Duplex>()
    const headers = { host: address.host, connection: 'Upgrade', upgrade: 'tcp' }
    const outgoing = request({ method: 'GET', path, headers, signal, createConnection: () => socket })
    outgoing.once('upgrade', (_, stream, head) => {
      if (head.length > 0) stream.unshift(head)
      opened.resolve(stream)
    })
    outgoing.once('response', (answer) => void toRefusal(answer).then(opened.reject, opened.reject))
    outgoing.on('error', opened.reject)
    outgoing.end()
    return await opened.promise.catch((cause: unknown) => {
      throw cause instanceof StatusError ? cause : fail(address, path, cause)
    })
  }

  /** A connection to speak HTTP over. */
  async dial({ node, host, port }: AgentAddress, signal: AbortSignal): Promise<TLSSocket> {
    const socket = connect({
      host,
      port,
      ...this.#credentials(),
      ...(isIP(node) === 0 && { servername: node }),
      checkServerIdentity: (_, certificate) => checkServerIdentity(node, certificate),
    })
    const secure = Promise.withResolvers<void>()
    const timer = setTimeout(() => socket.destroy(new Error('connect timed out')), connectTimeoutMs)
    const onAbort = () => socket.destroy()
    signal.addEventListener('abort', onAbort, { once: true })
    socket.once('secureConnect', secure.resolve)
    socket.once('error', secure.reject)
    socket.once('close', () => secure.reject(new Error('connection closed')))
    try {
      await secure.promise
      return socket
    } catch (cause) {
      return fail({ node, host, port }, '/', cause)
    } finally {
      clearTimeout(timer)
      signal.removeEventListener('abort', onAbort)
    }
  }
}

function fail({ host, port }: AgentAddress, path: string, cause: unknown): never {
  const why = cause instanceof Error ? cause.message : String(cause)
  const [withoutQuery] = path.split('?')
  throw internalError(`cannot reach the agent at https://${host}:${port}${withoutQuery}: ${why}`, cause)
}
