// Whether the proxy of this node keeps up: /healthz for load balancers, which send no new traffic to a node that is about to
// go, and /livez for whoever restarts it. Paths, port and answers are those of kube-proxy.

import { createServer, type Server } from 'node:http'

export interface ProxyHealthOptions {
  host: string
  port: number
  now: () => number
  /** False for a node that is about to be deleted. */
  isEligible: () => boolean
}

/** So long a change may wait to be written. */
const toleranceMs = 60_000

export class ProxyHealth {
  readonly #options: ProxyHealthOptions
  #server: Server | undefined
  #lastSyncMs: number
  /** Since when a change waits that no sync has begun with; undefined: none does. */
  #pendingSinceMs: number | undefined
  /** Since when the oldest change waits of those that the sync under way writes, or failed to write. */
  #unwrittenSinceMs: number | undefined

  constructor(options: ProxyHealthOptions) {
    this.#options = options
    this.#lastSyncMs = options.now()
  }

  get isHealthy(): boolean {
    const sinceMs = this.#unwrittenSinceMs ?? this.#pendingSinceMs
    return sinceMs === undefined || this.#options.now() - sinceMs < toleranceMs
  }

  /** A change came, and is not yet in the kernel. */
  pending(): void {
    this.#pendingSinceMs ??= this.#options.now()
  }

  /** A sync begins: it writes all that waits now. What comes during it waits for the next. */
  syncing(): void {
    this.#unwrittenSinceMs ??= this.#pendingSinceMs
    this.#pendingSinceMs = undefined
  }

  /** What waited when the sync began is in the kernel. */
  synced(): void {
    this.#unwrittenSinceMs = undefined
    this.#lastSyncMs = this.#options.now()
  }

  /** Rejects, and says so, when the port is taken. */
  async listen(): Promise<void> {
    const server = createServer((request, response) => {
      const path = request.url?.split('?')[0]
      if (path !== '/healthz' && path !== '/livez') return void response.writeHead(404).end()
      const nodeEligible = this.#options.isEligible()
      const isGood = this.isHealthy && (path === '/livez' || nodeEligible)
      const time = (ms: number) => new Date(ms).toISOString()
      const now = this.#options.now()
      response
        .writeHead(isGood ? 200 : 503, { 'content-type': 'application/json', 'x-content-type-options': 'nosniff' })
        .end(
          `${JSON.stringify({
            lastUpdated: time(this.isHealthy ? now : this.#lastSyncMs),
            currentTime: time(now),
            ...(path === '/healthz' && { nodeEligible }),
          })}\n`,
        )
    })
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    server.once('error', reject)
    server.listen({ host: this.#options.host, port: this.#options.port }, resolve)
    await promise.catch((cause: unknown) => {
      throw new Error(`cannot serve the proxy's health on port ${this.#options.port}`, { cause })
    })
    this.#server = server
  }

  async close(): Promise<void> {
    this.#server?.closeAllConnections()
    await new Promise((resolve) => (this.#server === undefined ? resolve(undefined) : this.#server.close(resolve)))
  }
}
