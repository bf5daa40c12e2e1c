// The agent's HTTPS server: logs, exec, attach, port-forward and tunnels to pods for the API server, which has asked who may.
//
// It takes only clients whose certificate the cluster's authority signed and whose name is allowed; all else is refused
// before the path is looked at. It holds no state but open connections.

import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import type { Duplex } from 'node:stream'
import type { WebSocket } from 'ws'
import type { Pod } from '../../api/generated/types.ts'
import { badRequest, internalError, noSuchPath, StatusError } from '../../api/objects/status-error.ts'
import { NoSuchContainerError, type Runtime } from '../runtime/runtime.ts'
import { channelProtocols } from './channels.ts'
import { validateClient } from './identity.ts'
import { parseLogOptions, sendLogs } from './logs.ts'
import type { FoundContainer, PodLookup } from './pod-lookup.ts'
import { type Connect, serveChannels, serveTunnel, tunnelProtocol } from './port-forward.ts'
import { parseStreams, serveSession } from './remote-command.ts'
import { parseRoute, type Route, readFlag } from './route.ts'
import { makeSummary } from './stats.ts'
import { joinPod } from './tunnel.ts'
import { chooseProtocol, WebSockets } from './web-sockets.ts'

export interface AgentServerOptions {
  runtime: Runtime
  pods: PodLookup
  /** PEM. ca signs clients; cert and key are the server's own. */
  tls: { ca: string; cert: string; key: string }
  /** Common names of certificates that may ask. */
  allowedClients: readonly string[]
  /** Named in /stats/summary. */
  nodeName?: string
  /** Serves all paths below /net/. */
  net?: { handle(request: IncomingMessage, response: ServerResponse): Promise<void> }
  log: { warn(message: string): void }
}

export interface AgentServer {
  /** Returns the port, which the kernel chooses for port 0. */
  listen(address: string, port: number): Promise<number>
  /** From now on new connections see these. PEM. */
  renew(credentials: { cert: string; key: string }): void
  /** Ends open connections too. */
  close(): Promise<void>
}

/** A session or a followed log may be silent for hours: the kernel's probes find out that the host of its client is gone. */
const keepAlive = { keepAlive: true, keepAliveInitialDelay: 30_000 }

/** Speaks with the client until either is done. */
type Serve = (socket: WebSocket, protocol: string) => Promise<void>
/** A path that leads to a container. */
type ContainerRoute = Extract<Route, { container: string }>

export function createAgentServer(options: AgentServerOptions): AgentServer {
  const { runtime, pods, tls, allowedClients, nodeName = '', net, log } = options
  // The handshake lets everybody in, so that those without a certificate get an answer and not a broken connection.
  const server = createServer({ ...tls, requestCert: true, rejectUnauthorized: false, ...keepAlive })
  const protocols = [tunnelProtocol, ...channelProtocols]
  const sockets = new WebSockets()

  server.on('request', (request: IncomingMessage, response: ServerResponse) => {
    handle(request, response).catch((error: unknown) => sendError(response, toStatusError(error)))
  })
  server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    // A client that goes while it is being answered.
    socket.on('error', () => socket.destroy())
    upgrade(request, socket, head).catch((error: unknown) => refuseUpgrade(socket, toStatusError(error)))
  })

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    validateClient(request, allowedClients)
    const route = parseRoute(request.url ?? '/')
    switch (route.action) {
      case 'healthz':
        return void response.end('ok')
      case 'pods':
        return sendJson(response, 200, { apiVersion: 'v1', kind: 'PodList', metadata: {}, items: pods.pods() })
      case 'stats':
        return sendJson(response, 200, await makeSummary(runtime, nodeName, new Date()))
      case 'net':
        if (net === undefined) throw noSuchPath()
        return await net.handle(request, response)
      case 'containerLogs': {
        const logOptions = parseLogOptions(route.query, Date.now())
        const { id } = await findContainer(route)
        return await sendLogs(runtime, id, logOptions, response)
      }
      default:
        throw badRequest(`${route.action} needs a WebSocket: Upgrade request required`)
    }
  }

  async function upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    validateClient(request, allowedClients)
    const route = parseRoute(request.url ?? '/')
    if (route.action === 'tunnel') {
      const isAsked = ({ metadata }: Pod) => metadata?.namespace === route.namespace && metadata.name === route.pod
      return await joinPod(socket, head, pods.pods().find(isAsked), route.query.get('port') ?? '')
    }
    const serve = await prepare(route)
    const protocol = chooseProtocol(request, protocols)
    const webSocket = await sockets.accept(request, socket, head, protocol)
    serve(webSocket, protocol).catch((error: unknown) => {
      log.warn(`${route.action} broke: ${String(error)}`)
      webSocket.terminate()
    })
  }

  /** Finds what is spoken about before the upgrade, so that a pod that is not there is an HTTP error. */
  async function prepare(route: Route): Promise<Serve> {
    if (route.action === 'portForward') return await preparePortForward(route)
    if (route.action !== 'exec' && route.action !== 'attach') throw badRequest(`${route.action} is no WebSocket`)
    const { query } = route
    const { id, tty } = await findContainer(route)
    if (route.action === 'attach') {
      const streams = { ...parseStreams(query), tty }
      return (socket, protocol) => serveSession(socket, protocol, streams, () => runtime.attach(id, streams))
    }
    const streams = parseStreams(query)
    const command = query.getAll('command')
    if (command.length === 0) throw badRequest('you must specify at least one command')
    return (socket, protocol) =>
      serveSession(socket, protocol, streams, () => runtime.exec(id, { command, ...streams }))
  }

  async function preparePortForward({ namespace, pod, query }: Extract<Route, { action: 'portForward' }>) {
    const sandbox = await pods.findSandbox(namespace, pod)
    if (sandbox === undefined) throw new StatusError(404, 'NotFound', `pod "${namespace}/${pod}" is not running here`)
    const connect: Connect = (port) => runtime.portForward(sandbox.id, port)
    const ports = query
      .getAll('ports')
      .concat(query.getAll('port'))
      .flatMap((text) => text.split(',').map(Number))
    return async (socket: WebSocket, protocol: string) =>
      protocol === tunnelProtocol ? serveTunnel(socket, connect) : await serveChannels(socket, protocol, ports, connect)
  }

  async function findContainer({ namespace, pod, container, query }: ContainerRoute): Promise<FoundContainer> {
    const found = await pods.findContainer(namespace, pod, container, { previous: readFlag(query, 'previous') })
    if (found !== undefined) return found
    throw new StatusError(404, 'NotFound', `container "${container}" of pod "${namespace}/${pod}" is not here`)
  }

  function toStatusError(error: unknown): StatusError {
    if (error instanceof StatusError) return error
    if (error instanceof NoSuchContainerError) return new StatusError(404, 'NotFound', error.message)
    log.warn(`request failed: ${String(error)}`)
    return internalError(error instanceof Error ? error.message : String(error), error)
  }

  return {
    listen: (address, port) =>
      new Promise((resolve, reject) => {
        server.once('error', reject)
        server.listen(port, address, () => resolve((server.address() as AddressInfo).port))
      }),
    renew: (credentials) => server.setSecureContext({ ...tls, ...credentials }),
    close: () =>
      new Promise((resolve) => {
        sockets.terminate()
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

function sendJson(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
}

function sendError(response: ServerResponse, { status }: StatusError): void {
  if (response.headersSent) response.destroy()
  else sendJson(response, status.code, status)
}

/** An answer in place of the switch to WebSocket, by hand: there is no response object here. */
function refuseUpgrade(socket: Duplex, { status, message }: StatusError): void {
  const body = JSON.stringify(status)
  const lines = [
    `HTTP/1.1 ${status.code} ${message.split('\n')[0] ?? ''}`,
    'Content-Type: application/json',
    `Content-Length: ${Buffer.byteLength(body)}`,
    'Connection: close',
  ]
  socket.end(`${lines.join('\r\n')}\r\n\r\n${body}`)
}
