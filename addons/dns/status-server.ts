// What probes and Prometheus ask: /health (the process answers), /ready (it knows the cluster and is not about to end), /metrics.

import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { Registry } from 'prom-client'

export interface StatusServerOptions {
  host: string
  port: number
  /** Why it is not ready; undefined: it is. */
  notReady: () => string | undefined
  registry: Registry
  onError: (error: unknown) => void
}

/** Returns when it listens. */
export async function startStatusServer(options: StatusServerOptions): Promise<Server> {
  const server = createServer((request, response) => {
    answer(request, response, options).catch(options.onError)
  })
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  server.once('error', reject)
  server.listen({ host: options.host, port: options.port }, resolve)
  await promise
  server.on('error', options.onError)
  return server
}

async function answer(
  { method, url = '/' }: IncomingMessage,
  response: ServerResponse,
  { notReady, registry }: StatusServerOptions,
): Promise<void> {
  const say = (status: number, text: string, type = 'text/plain; charset=utf-8') =>
    response.writeHead(status, { 'content-type': type }).end(text)
  if (method !== 'GET' && method !== 'HEAD') return void say(405, 'only GET and HEAD\n')
  switch (url.split('?')[0]) {
    case '/health':
      return void say(200, 'ok\n')
    case '/ready': {
      const reason = notReady()
      return void say(reason === undefined ? 200 : 503, `${reason ?? 'ok'}\n`)
    }
    case '/metrics':
      return void say(200, await registry.metrics(), registry.contentType)
    default:
      return void say(404, 'ask for /health, /ready or /metrics\n')
  }
}
