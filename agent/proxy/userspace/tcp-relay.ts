// Passes TCP connections on to endpoints. Either side may end its half of a connection while the other goes on; an end by
// reset is passed on as a reset.

import { once } from 'node:events'
import { connect, createServer, type Server, type Socket } from 'node:net'
import type { Endpoint } from '../table.ts'
import { listenAtFree, type Relay, type RelayOptions, type RelayTargets } from './relay.ts'
import { keyOf, RoundRobin } from './round-robin.ts'

/** How long the attempts to reach an endpoint may take, as kube-proxy's userspace mode had them. */
const dialTimeoutsMs = [250, 500, 1_000, 2_000]
/** Peers that went without a word are noticed after this long. */
const keepAliveMs = 60_000

interface Connection {
  client: Socket
  upstream: Socket
}

export class TcpRelay implements Relay {
  readonly port: number
  readonly #server: Server
  readonly #roundRobin: RoundRobin
  /** By endpoint; from the first attempt to reach it on. */
  readonly #connections = new Map<string, Set<Connection>>()

  private constructor(server: Server, port: number, now: () => number) {
    this.#server = server
    this.port = port
    this.#roundRobin = new RoundRobin(now)
  }

  /** Resolves once it listens. */
  static async listen({ host, port, now, onError }: RelayOptions): Promise<TcpRelay> {
    const server = createServer({ allowHalfOpen: true, pauseOnConnect: true, noDelay: true })
    await listenAtFree(port, async (free) => {
      server.listen({ host, port: free, backlog: 1_024 })
      await once(server, 'listening')
    })
    const address = server.address()
    const relay = new TcpRelay(server, typeof address === 'object' && address !== null ? address.port : 0, now)
    server.on('error', onError)
    server.on('connection', (client) => void relay.#serve(client).catch(onError))
    return relay
  }

  set(targets: RelayTargets): void {
    this.#roundRobin.set(targets.serving, targets)
    const alive = new Set([...targets.serving, ...targets.draining].map(keyOf))
    for (const [endpoint, connections] of this.#connections) if (!alive.has(endpoint)) endAll(connections)
  }

  close(): void {
    this.#server.close()
    for (const connections of this.#connections.values()) endAll(connections)
  }

  async #serve(client: Socket): Promise<void> {
    const from = client.remoteAddress ?? ''
    // A client that goes is told of by "close", whether it went in peace or not.
    client.on('error', () => undefined)
    for (const timeoutMs of dialTimeoutsMs)
      for (const endpoint of this.#roundRobin.order(from)) {
        if (client.destroyed) return
        const upstream = await this.#dial(client, endpoint, timeoutMs)
        if (upstream === undefined) continue
        this.#roundRobin.remember(from, endpoint)
        join(client, upstream)
        return
      }
    client.resetAndDestroy()
  }

  /** undefined: it cannot be reached. */
  async #dial(client: Socket, endpoint: Endpoint, timeoutMs: number): Promise<Socket | undefined> {
    const upstream = connect({ host: endpoint.ip, port: endpoint.port, allowHalfOpen: true, noDelay: true })
    this.#keep(keyOf(endpoint), { client, upstream })
    // In a busy process the time is over before the sockets were asked: they are asked once more.
    const timer = setTimeout(() => setImmediate(() => upstream.connecting && upstream.destroy()), timeoutMs)
    const { promise, resolve } = Promise.withResolvers<boolean>()
    upstream.once('connect', () => resolve(true))
    // "close" always follows.
    upstream.on('error', () => undefined)
    upstream.once('close', () => resolve(false))
    const isConnected = await promise
    clearTimeout(timer)
    return isConnected ? upstream : undefined
  }

  #keep(endpoint: string, connection: Connection): void {
    const connections = this.#connections.get(endpoint) ?? new Set()
    this.#connections.set(endpoint, connections.add(connection))
    connection.upstream.once('close', () => {
      connections.delete(connection)
      if (connections.size === 0 && this.#connections.get(endpoint) === connections) this.#connections.delete(endpoint)
    })
  }
}

function join(client: Socket, upstream: Socket): void {
  for (const [one, other] of [
    [client, upstream],
    [upstream, client],
  ] as const) {
    one.setKeepAlive(true, keepAliveMs)
    // An end passes on as an end; whatever else stops one side stops the other.
    one.pipe(other)
    one.once('close', (hadError) => (hadError || !one.readableEnded ? reset(other) : undefined))
  }
  if (client.destroyed) reset(upstream)
}

function reset(socket: Socket): void {
  if (!socket.destroyed) socket.resetAndDestroy()
}

function endAll(connections: Iterable<Connection>): void {
  for (const { client, upstream } of [...connections]) {
    // Not yet reached: another endpoint is tried.
    if (!upstream.connecting) reset(client)
    upstream.destroy()
  }
}
