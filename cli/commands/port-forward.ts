// fairlead port-forward: ports of a pod as ports of this machine. Every local connection gets a WebSocket of its own: the first
// channel of a port carries its bytes, the second says what went wrong, both start with the port's number (little-endian).

import { createServer, type Server, type Socket } from 'node:net'
import type { Command } from 'commander'
import type { WebSocket } from 'ws'
import type { Pod, Service } from '../../api/generated/types.ts'
import type { Stored } from '../../api/objects/object.ts'
import { pods } from '../../api/resources/pods.ts'
import { pathOf } from '../../api/resources/resource.ts'
import { services } from '../../api/resources/services.ts'
import { frame, openChannels, unframe } from '../channels.ts'
import { findPod } from '../pods.ts'
import { inSession, type Session } from '../session.ts'

interface Forward {
  localPort: number
  remotePort: number
}

const channels = { data: 0, error: 1 }

/** Adds the verb. */
export function addPortForward(program: Command): void {
  program
    .command('port-forward <pod> <ports...>')
    .description('reach ports of a pod from here: port-forward svc/web 8080:80')
    .option('--address <address>', 'where to listen', '127.0.0.1')
    .action(
      inSession(async (session: Session, word: string, ports: string[], { address }: { address: string }) => {
        const pod = await findPod(session, word)
        const service = await findService(session, word)
        const forwards = ports.map((port) => parseForward(port, (remote) => resolvePort(remote, pod, service)))
        const servers = await Promise.all(forwards.map((forward) => listen(session, pod, forward, address)))
        await Promise.all(servers.map((server) => new Promise((resolve) => server.once('close', resolve))))
      }),
    )
}

async function findService(
  { client, namespace, discovery }: Session,
  word: string,
): Promise<Stored<Service> | undefined> {
  const [type = '', name = ''] = word.split('/')
  if (name === '' || (await discovery.findName(type)).kind !== 'Service') return undefined
  return await client.get(services, { namespace, name })
}

/** Reads 8080, 8080:80, :80 (any free local port) and 8080:http. */
export function parseForward(text: string, resolve: (remote: string) => number): Forward {
  const [local = '', remote = local, ...rest] = text.split(':')
  if (rest.length > 0 || remote === '' || !/^\d*$/.test(local))
    throw new Error(`invalid port format "${text}": write 8080:80`)
  const remotePort = resolve(remote)
  const localPort = local === '' ? 0 : Number(local)
  if (localPort > 65_535 || !(remotePort >= 1 && remotePort <= 65_535)) throw new Error(`invalid port in "${text}"`)
  return { localPort, remotePort }
}

/** A port of a Service is that of its pod; names are looked up where they are defined. */
export function resolvePort(remote: string, pod: Stored<Pod>, service: Stored<Service> | undefined): number {
  if (service !== undefined) {
    const port = service.spec.ports?.find(({ name, port }) => name === remote || String(port) === remote)
    if (port === undefined) throw new Error(`service ${service.metadata.name} does not have a port ${remote}`)
    return resolvePort(String(port.targetPort ?? port.port), pod, undefined)
  }
  if (/^\d+$/.test(remote)) return Number(remote)
  const named = pod.spec.containers.flatMap(({ ports = [] }) => ports).find(({ name }) => name === remote)
  if (named === undefined) throw new Error(`pod ${pod.metadata.name} does not have a port named "${remote}"`)
  return named.containerPort
}

async function listen(
  session: Session,
  pod: Stored<Pod>,
  { localPort, remotePort }: Forward,
  address: string,
): Promise<Server> {
  const server = createServer({ allowHalfOpen: true, pauseOnConnect: true }, (socket) => {
    process.stdout.write(`Handling connection for ${localPort === 0 ? socket.localPort : localPort}\n`)
    void connect(session, pod, remotePort, socket).catch((error: unknown) => {
      process.stderr.write(
        `error forwarding to port ${remotePort}: ${error instanceof Error ? error.message : error}\n`,
      )
      socket.destroy()
    })
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(localPort, address, resolve)
  })
  const bound = server.address()
  const port = typeof bound === 'object' ? bound?.port : localPort
  process.stdout.write(`Forwarding from ${address}:${port} -> ${remotePort}\n`)
  return server
}

async function connect({ kubeconfig }: Session, pod: Stored<Pod>, port: number, socket: Socket): Promise<void> {
  socket.on('error', () => socket.destroy()) // the local side went away: nobody is left to be told
  const path = `${pathOf(pods, { ...pod.metadata, subresource: 'portforward' })}?ports=${port}`
  const channel = await openChannels(kubeconfig, path, ['v4.channel.k8s.io'])
  join(channel, socket, port)
}

function join(channel: WebSocket, socket: Socket, port: number): void {
  const greeted = new Set<number>()
  channel.on('message', (message: Buffer) => {
    const part = unframe(message)
    const data = greeted.has(part.channel) ? part.data : part.data.subarray(2)
    greeted.add(part.channel)
    if (data.length === 0) return
    if (part.channel === channels.data) forwardDown(channel, socket, data)
    else process.stderr.write(`error forwarding to port ${port}: ${data}\n`)
  })
  channel.on('close', () => socket.end())
  channel.on('error', (error) => socket.destroy(error))
  socket.on('data', (chunk: Buffer) => {
    socket.pause()
    channel.send(frame(channels.data, chunk), () => socket.resume())
  })
  // The protocol cannot say that one side has finished; the other may still have much to send.
  socket.on('close', () => channel.close())
  socket.resume()
  channel.resume()
}

function forwardDown(channel: WebSocket, socket: Socket, data: Buffer): void {
  if (socket.write(data)) return
  channel.pause()
  socket.once('drain', () => channel.resume())
}
