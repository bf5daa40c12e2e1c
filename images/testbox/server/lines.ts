// The TCP and UDP sides: each line or datagram is answered with one line of JSON, the facts and what was said.

import { createSocket, type Socket as UdpSocket } from 'node:dgram'
import { createServer, type Server, type Socket } from 'node:net'
import { createInterface } from 'node:readline'
import { type Facts, formatEndpoint, type Place } from './facts.ts'

export interface TcpServer {
  server: Server
  connections: Set<Socket>
}

export function makeTcpServer(place: Place): TcpServer {
  const connections = new Set<Socket>()
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    connections.add(socket)
    socket.on('close', () => connections.delete(socket))
    // A client that goes away in the middle is no news.
    socket.on('error', () => socket.destroy())
    const client = formatEndpoint(socket.remoteAddress, socket.remotePort)
    const facts: Facts = {
      ...place,
      protocol: 'tcp',
      client,
      server: formatEndpoint(socket.localAddress, socket.localPort),
    }
    const lines = createInterface({ input: socket })
    // The same error once more, and the end of the process if nobody hears it.
    lines.on('error', () => undefined)
    lines.on('line', (line) => void socket.write(`${JSON.stringify({ ...facts, line })}\n`))
    lines.on('close', () => socket.end())
  })
  return { server, connections }
}

/** One socket per family; a host without IPv6 has only the first. */
export async function openUdpSockets(place: Place, port: number): Promise<UdpSocket[]> {
  const sockets = await Promise.allSettled([openUdpSocket(place, 'udp4', port), openUdpSocket(place, 'udp6', port)])
  const [ipv4] = sockets
  if (ipv4?.status === 'rejected') throw ipv4.reason
  return sockets.flatMap((socket) => (socket.status === 'fulfilled' ? [socket.value] : []))
}

function openUdpSocket(place: Place, type: 'udp4' | 'udp6', port: number): Promise<UdpSocket> {
  const socket = createSocket({ type, ipv6Only: type === 'udp6' })
  socket.on('message', (message, from) => {
    const client = formatEndpoint(from.address, from.port)
    const facts: Facts = { ...place, protocol: 'udp', client, server: `:${port}` }
    socket.send(`${JSON.stringify({ ...facts, line: String(message).trimEnd() })}\n`, from.port, from.address)
  })
  return new Promise((resolve, reject) => {
    socket.once('error', reject)
    socket.bind(port, () => resolve(socket))
  })
}
