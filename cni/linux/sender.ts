// The only door to packets of our own: a small Node program, started in the namespace that sends, makes one connection or sends one
// datagram, and tells what became of it. It speaks no protocol: the first packet's fate is all it is for.

import { CommandError, type RunOptions, run } from './exec.ts'

export interface OutgoingPacket {
  protocol: 'tcp' | 'udp' | 'icmp'
  destination: string
  port: number
  sourcePort: number
  timeoutMs: number
}

/** What became of it, and the kernel's word for that, such as ECONNREFUSED. */
export interface PacketFate {
  outcome: 'answered' | 'refused' | 'silent' | 'unsent'
  detail: string
}

/** Sends it and waits, no longer than timeoutMs. Throws CommandError when the namespace cannot be entered. */
export async function sendPacket(packet: OutgoingPacket, where: Pick<RunOptions, 'netns'> = {}): Promise<PacketFate> {
  if (packet.protocol === 'icmp') return await ping(packet, where)
  const { protocol, destination, port, sourcePort, timeoutMs } = packet
  const words = [protocol, destination, port, sourcePort, timeoutMs].map(String)
  return JSON.parse(await run(process.execPath, ['-e', program, ...words], where))
}

/** A reset ends the connection: nothing of it stays behind in either kernel. */
const program = `
const [protocol, host, port, localPort, timeoutMs] = process.argv.slice(1)
const end = (outcome, detail = '') => {
  process.stdout.write(JSON.stringify({ outcome, detail }))
  process.exit()
}
const refusals = ['ECONNREFUSED', 'EHOSTUNREACH', 'ENETUNREACH', 'EACCES', 'ECONNRESET']
const fail = ({ code }) => {
  const outcome = refusals.includes(code) ? 'refused' : ['ETIMEDOUT', 'EPERM'].includes(code) ? 'silent' : 'unsent'
  end(outcome, code)
}
setTimeout(end, Number(timeoutMs), 'silent')
if (protocol === 'tcp') {
  const socket = require('node:net').connect({ host, port: Number(port), localPort: Number(localPort) })
  socket.on('error', fail)
  socket.on('connect', () => {
    socket.on('close', () => end('answered'))
    socket.resetAndDestroy()
  })
} else {
  const socket = require('node:dgram').createSocket(host.includes(':') ? 'udp6' : 'udp4')
  socket.on('error', fail)
  socket.on('message', () => end('answered'))
  socket.on('connect', () => socket.send('\\n', (error) => error && fail(error)))
  socket.bind(Number(localPort), () => socket.connect(Number(port), host))
}
`

async function ping({ destination, timeoutMs }: OutgoingPacket, where: Pick<RunOptions, 'netns'>): Promise<PacketFate> {
  try {
    await run('ping', ['-n', '-c', '1', '-W', String(timeoutMs / 1000), destination], where)
    return { outcome: 'answered', detail: '' }
  } catch (error) {
    if (!(error instanceof CommandError)) throw error
    if (error.exitCode === undefined) return { outcome: 'unsent', detail: 'this host has no ping' }
    return { outcome: 'silent', detail: '' }
  }
}
