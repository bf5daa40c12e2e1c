// One HTTP server for each Service with a health check node port. A load balancer sends traffic to those nodes that answer
// 200. The answers are those of kube-proxy, which load balancers know.

import { createServer, type Server } from 'node:http'
import type { LocalHealth } from './local-health.ts'

export interface HealthCheckServersOptions {
  /** "::" takes both families. */
  host: string
  /** Whether the Services' rules are in the kernel as they are wanted. */
  isHealthy: () => boolean
  onError: (error: unknown) => void
}

interface Check {
  server: Server
  port: number
  localEndpoints: number
}

export class HealthCheckServers {
  readonly #options: HealthCheckServersOptions
  readonly #checks = new Map<string, Check>()

  constructor(options: HealthCheckServersOptions) {
    this.#options = options
  }

  /** Serves what is wanted now of the Service "namespace/name"; undefined: nothing. A port that is taken is told of, and tried again with the next change. */
  async set(serviceKey: string, health: LocalHealth | undefined): Promise<void> {
    const known = this.#checks.get(serviceKey)
    if (known !== undefined && known.port === health?.port) {
      known.localEndpoints = health.localEndpoints
      return
    }
    if (known !== undefined) await this.#stop(serviceKey, known)
    if (health !== undefined) await this.#start(serviceKey, health)
  }

  async close(): Promise<void> {
    await Promise.all([...this.#checks].map(([key, check]) => this.#stop(key, check)))
  }

  async #start(serviceKey: string, { port, localEndpoints }: LocalHealth): Promise<void> {
    const check: Check = { server: createServer(), port, localEndpoints }
    check.server.on('request', (_, response) => {
      const serviceProxyHealthy = this.#options.isHealthy()
      const [namespace, name] = serviceKey.split('/')
      response
        .writeHead(check.localEndpoints > 0 && serviceProxyHealthy ? 200 : 503, {
          'content-type': 'application/json',
          'x-content-type-options': 'nosniff',
          'x-load-balancing-endpoint-weight': String(check.localEndpoints),
        })
        .end(
          `${JSON.stringify({ service: { namespace, name }, localEndpoints: check.localEndpoints, serviceProxyHealthy })}\n`,
        )
    })
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    check.server.once('error', reject)
    check.server.listen({ host: this.#options.host, port }, resolve)
    try {
      await promise
      check.server.on('error', this.#options.onError)
      this.#checks.set(serviceKey, check)
    } catch (cause) {
      this.#options.onError(
        new Error(`health checks of Service ${serviceKey}: cannot listen on port ${port}`, { cause }),
      )
    }
  }

  async #stop(serviceKey: string, { server }: Check): Promise<void> {
    this.#checks.delete(serviceKey)
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  }
}
