// The HTTP side: facts as JSON at any path, a few plain lines, probes, and the switches.

import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { setTimeout as wait } from 'node:timers/promises'
import { type Facts, formatEndpoint, type Place } from './facts.ts'
import { type Switches, turnSwitches } from './switches.ts'

interface Answer {
  status: number
  body: string | object
}

const plain = (status: number, text: string): Answer => ({ status, body: `${text}\n` })

/** `?delayMs=` makes one request slow; `exit` is called with the code that /control was given. */
export function makeHttpServer(place: Place, switches: Switches, exit: (code: number) => void): Server {
  return createServer(async (request, response) => {
    const url = new URL(request.url ?? '/', 'http://testbox')
    const isControl = url.pathname === '/control'
    let bodyBytes = 0
    for await (const chunk of request) bodyBytes += chunk.length
    if (!isControl) await wait(switches.slowMs + Number(url.searchParams.get('delayMs') ?? 0))
    send(response, isControl ? control(request, url) : answer(request, url, bodyBytes))
  })

  function control(request: IncomingMessage, url: URL): Answer {
    if (request.method !== 'POST') return plain(405, 'POST turns the switches')
    try {
      const exitCode = turnSwitches(switches, url.searchParams)
      if (exitCode !== undefined) setTimeout(exit, 50, exitCode)
      return { status: 200, body: switches }
    } catch (error) {
      return plain(400, error instanceof Error ? error.message : String(error))
    }
  }

  function answer(request: IncomingMessage, url: URL, bodyBytes: number): Answer {
    if (url.pathname === '/healthz') return switches.healthy ? plain(200, 'ok') : plain(500, 'unhealthy')
    if (url.pathname === '/readyz')
      return switches.ready && !switches.draining
        ? plain(200, 'ok')
        : plain(503, switches.draining ? 'ending' : 'unready')
    if (url.pathname === '/hostname') return plain(200, place.pod)
    if (url.pathname === '/text') return plain(200, place.text)
    const { socket, method, headers } = request
    const client = formatEndpoint(socket.remoteAddress, socket.remotePort)
    const server = formatEndpoint(socket.localAddress, socket.localPort)
    const facts: Facts = { ...place, protocol: 'http', client, server }
    return { status: 200, body: { ...facts, method, path: `${url.pathname}${url.search}`, bodyBytes, headers } }
  }

  function send(response: ServerResponse, { status, body }: Answer): void {
    // On the way to the end clients are sent off kept-alive connections, to open their next one elsewhere.
    if (switches.draining) response.setHeader('connection', 'close')
    const isJson = typeof body === 'object'
    response.writeHead(status, { 'content-type': isJson ? 'application/json' : 'text/plain' })
    response.end(isJson ? `${JSON.stringify(body)}\n` : body)
  }
}
