// Passes UDP datagrams on to endpoints. Each client has a session: a socket of its own towards its endpoint, so that answers
// find their way back. A session ends when nothing was said for a while, or its endpoint goes; the next datagram begins another.

import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { listenAtFree, type Relay, type RelayOptions, type RelayTargets } from './relay.ts'
import { keyOf, RoundRobin } from './round-robin.ts'

/** As long as connection tracking of Linux keeps a UDP stream (nf_conntrack_udp_timeout). */
const defaultIdleMs = 30_000
/** Each takes a file descriptor; the oldest gives way. */
const maxSessions = 8_192

/** So much of what a client says before its session's socket is connected is kept. */
const maxWaiting = 16

interface Session {
  endpoint: string
  socket: Socket
  /** What is to be sent once the socket is connected; undefined: it is. */
  waiting: Buffer[] | undefined
  timer: NodeJS.Timeout
}

interface Client {
  address: string
  port: number
}

export class UdpRelay implements Relay {
  readonly port: number
  readonly #server: Socket
  readonly #roundRobin: RoundRobin
  readonly #idleMs: number
  /** By client: "address port". */
  readonly #sessions = new Map<string, Session>()

  private constructor(server: Socket, { now, idleMs = defaultIdleMs }: RelayOptions & { idleMs?: number }) {
    this.#server = server
    this.port = server.address().port
    this.#roundRobin = new RoundRobin(now)
    this.#idleMs = idleMs
  }

  /** Resolves once it listens. */
  static async listen(options: RelayOptions & { idleMs?: number }): Promise<UdpRelay> {
    const server = createSocket(options.host.includes(':') ? 'udp6' : 'udp4')
    await listenAtFree(options.port, async (free) => {
      server.bind(free, options.host)
      await once(server, 'listening')
    })
    const relay = new UdpRelay(server, options)
    server.on('error', options.onError)
    server.on('message', (message, client) => relay.#pass(message, client))
    return relay
  }

  set(targets: RelayTargets): void {
    this.#roundRobin.set(targets.serving, targets)
    // A client of UDP never ends its session: it moves on as soon as its endpoint should get nothing new.
    const serving = new Set(targets.serving.map(keyOf))
    for (const [client, { endpoint }] of [...this.#sessions]) if (!serving.has(endpoint)) this.#end(client)
  }

  close(): void {
    for (const client of [...this.#sessions.keys()]) this.#end(client)
    this.#server.close()
  }

  #pass(message: Buffer, client: Client): void {
    const key = `${client.address} ${client.port}`
    const session = this.#sessions.get(key) ?? this.#begin(key, client)
    if (session === undefined) return
    session.timer.refresh()
    if (session.waiting === undefined) session.socket.send(message)
    else if (session.waiting.length < maxWaiting) session.waiting.push(message)
  }

  #begin(key: string, client: Client): Session | undefined {
    const [endpoint] = this.#roundRobin.order(client.address)
    if (endpoint === undefined) return undefined
    this.#roundRobin.remember(client.address, endpoint)
    const [oldest] = this.#sessions.keys()
    if (oldest !== undefined && this.#sessions.size >= maxSessions) this.#end(oldest)
    const socket = createSocket(endpoint.ip.includes(':') ? 'udp6' : 'udp4')
    const session: Session = {
      endpoint: keyOf(endpoint),
      socket,
      waiting: [],
      timer: setTimeout(() => this.#end(key), this.#idleMs).unref(),
    }
    socket.on('message', (answer) => {
      session.timer.refresh()
      // A client without a port wants no answers (RFC 768), and Node throws at that port.
      if (client.port !== 0) this.#server.send(answer, client.port, client.address)
    })
    // The endpoint refuses, or there is no way to it: a client of UDP expects nothing, and comes again or does not.
    socket.on('error', () => {
      if (this.#sessions.get(key) === session) this.#end(key)
    })
    socket.on('connect', () => {
      if (this.#sessions.get(key) !== session) return
      for (const message of session.waiting ?? []) socket.send(message)
      session.waiting = undefined
    })
    // Connected, it takes answers of the endpoint alone, and hears of refusals. No callback: it would get the error instead.
    socket.connect(endpoint.port, endpoint.ip)
    this.#sessions.set(key, session)
    return session
  }

  #end(client: string): void {
    const session = this.#sessions.get(client)
    if (session === undefined) return
    this.#sessions.delete(client)
    clearTimeout(session.timer)
    session.socket.close()
  }
}
