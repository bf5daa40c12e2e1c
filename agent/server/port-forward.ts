// port-forward: connections to ports of a pod, over one WebSocket. kubectl (1.31 and later) tunnels SPDY/3.1 through it,
// each connection as a pair of streams; older and simpler clients use a pair of channels per port.

import type { Duplex, Readable } from 'node:stream'
import type { WebSocket } from 'ws'
import { Channels, toBuffer } from './channels.ts'
import { SpdySession, type SpdyStream } from './spdy/session.ts'

export const tunnelProtocol = 'SPDY/3.1+portforward.k8s.io'

export type Connect = (port: number) => Promise<Duplex>

/** Serves SPDY/3.1, one message a piece of the byte stream. */
export function serveTunnel(socket: WebSocket, connect: Connect): void {
  const waiting = new Map<string, SpdyStream>()
  const session = new SpdySession({
    write: (bytes) => new Promise((resolve) => socket.send(bytes, () => resolve())),
    onStream: (stream) => pairStream(waiting, stream, connect),
  })
  let received = Promise.resolve()
  socket.on('message', (message) => {
    socket.pause()
    received = received
      .then(() => session.receive(toBuffer(message)))
      .then(
        () => socket.resume(),
        () => socket.close(1002), // no SPDY: a protocol error
      )
  })
  socket.on('error', () => socket.terminate())
  socket.on('close', () => session.close())
}

/** A connection is two streams of one request id: "error" and "data", in this order or the other. */
function pairStream(waiting: Map<string, SpdyStream>, stream: SpdyStream, connect: Connect): void {
  const key = stream.headers.requestid ?? `port ${stream.headers.port}`
  const other = waiting.get(key)
  if (other === undefined) {
    waiting.set(key, stream)
    stream.on('close', () => {
      if (waiting.get(key) === stream) waiting.delete(key)
    })
    return
  }
  waiting.delete(key)
  const [data, errors] = stream.headers.streamtype === 'data' ? [stream, other] : [other, stream]
  errors.resume()
  void joinStreams(data, errors, Number(data.headers.port), connect)
}

async function joinStreams(data: SpdyStream, errors: SpdyStream, port: number, connect: Connect): Promise<void> {
  try {
    const target = await connect(port)
    await exchange(data, target)
    errors.end()
  } catch (error) {
    errors.end(`error forwarding port ${port} to pod: ${error instanceof Error ? error.message : String(error)}`)
    data.resume()
  }
  data.end()
}

/**
 * Carries bytes both ways, each to its own end. Returns when the pod has ended its side, or either broke. What the client sends after
 * that is thrown away: unread, it would hold up all other connections of the tunnel.
 */
function exchange(client: Duplex, target: Duplex): Promise<void> {
  return new Promise((resolve, reject) => {
    const leave = () => {
      target.destroy()
      resolve()
    }
    target.on('error', reject)
    if (client.destroyed) return leave() // while the pod was being connected to
    client.pipe(target)
    target.pipe(client)
    target.on('end', resolve)
    target.on('close', () => {
      client.resume()
      resolve()
    })
    client.on('close', leave)
  })
}

/** Serves the channel protocol: port number i has its data on channel 2i and errors on 2i+1. */
export async function serveChannels(
  socket: WebSocket,
  protocol: string,
  ports: readonly number[],
  connect: Connect,
): Promise<void> {
  const targets = ports.map((port) => connect(port))
  for (const target of targets) target.catch(ignoreFailedConnect)
  const channels = new Channels(socket, protocol, {
    onMessage: async (from, data) => {
      const target = from % 2 === 0 ? await targets[from / 2]?.catch(ignoreFailedConnect) : undefined
      if (target?.writable) await new Promise<void>((resolve) => target.write(data, () => resolve()))
    },
    onEnd: (from) => void targets[from / 2]?.then((target) => target.end(), ignoreFailedConnect),
    onClose: () => targets.forEach((target) => void target.then((each) => each.destroy(), ignoreFailedConnect)),
  })
  await Promise.all(ports.map((port, index) => serveChannel(channels, index * 2, port, targets[index])))
  channels.close()
}

/** It is reported on the port's error channel. */
const ignoreFailedConnect = () => undefined

async function serveChannel(channels: Channels, channel: number, port: number, target?: Promise<Readable>) {
  const portBytes = Buffer.alloc(2)
  portBytes.writeUInt16LE(port)
  await channels.send(channel, portBytes)
  await channels.send(channel + 1, portBytes)
  try {
    for await (const chunk of (await target) ?? []) await channels.send(channel, chunk)
  } catch (error) {
    await channels.send(channel + 1, Buffer.from(error instanceof Error ? error.message : String(error)))
  }
}
