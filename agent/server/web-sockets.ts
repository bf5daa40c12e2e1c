// Switches connections to WebSocket. The protocol is chosen here and not by ws: ws refuses names with a slash, such as
// kubectl's "SPDY/3.1+portforward.k8s.io", as no token of RFC 6455 has one.

import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import { type WebSocket, WebSocketServer } from 'ws'
import { badRequest } from '../../api/objects/status-error.ts'

/** The first of the client's protocols that is among ours. Throws 400 when there is none. */
export function chooseProtocol({ headers }: IncomingMessage, known: readonly string[]): string {
  const offered = (headers['sec-websocket-protocol'] ?? '').split(',').map((each) => each.trim())
  const chosen = offered.find((protocol) => known.includes(protocol))
  if (chosen === undefined) throw badRequest(`no protocol in common: the agent speaks ${known.join(', ')}`)
  return chosen
}

export class WebSockets {
  readonly #server = new WebSocketServer({ noServer: true })
  readonly #protocols = new WeakMap<IncomingMessage, string>()

  constructor() {
    this.#server.on('headers', (headers, request) => {
      headers.push(`Sec-WebSocket-Protocol: ${this.#protocols.get(request)}`)
    })
  }

  /** Resolves when the client has been answered. A request that is no WebSocket's is refused and never resolves. */
  accept(request: IncomingMessage, socket: Duplex, head: Buffer, protocol: string): Promise<WebSocket> {
    this.#protocols.set(request, protocol)
    delete request.headers['sec-websocket-protocol']
    return new Promise((resolve) => this.#server.handleUpgrade(request, socket, head, resolve))
  }

  /** Breaks all that are open. */
  terminate(): void {
    for (const client of this.#server.clients) client.terminate()
  }
}
