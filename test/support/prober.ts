// Runs in a pod of a kernel test: answers on TCP and UDP ports, and asks others as stdin tells it. One line of JSON in, one
// line out. Started as `node prober.ts <port>...`.

import { createSocket } from 'node:dgram'
import { connect, createServer } from 'node:net'
import { createInterface } from 'node:readline'

/** One question: does this address answer on this port? */
export interface Probe {
  id: string
  protocol: 'tcp' | 'udp'
  address: string
  port: number
  /** Whether an answer is expected: such are waited for. */
  expected: boolean
}

/** How long an answer that is expected may take; the machine may be busy. */
const patienceMs = 5_000
/** How long an answer that must not come is waited for, beside the expected ones. */
const silenceMs = 150
const resendMs = 300

function serve(port: number): void {
  createServer((socket) => {
    socket.on('error', () => undefined) // the asker has gone
    socket.end('here')
  }).listen(port, '::')
  for (const type of ['udp4', 'udp6'] as const) {
    const socket = createSocket(type === 'udp6' ? { type, ipv6Only: true } : { type })
    socket.on('message', (_text, { address, port: from }) => socket.send('here', from, address))
    socket.on('error', () => undefined) // as above
    socket.bind(port)
  }
}

/** Starts asking; calls back at the first answer. Returns what ends it. */
function ask({ protocol, address, port }: Probe, onAnswer: () => void): () => void {
  if (protocol === 'tcp') {
    const socket = connect(port, address)
    socket.on('data', onAnswer)
    socket.on('error', () => undefined) // refused is no answer
    return () => socket.resetAndDestroy()
  }
  const socket = createSocket(address.includes(':') ? 'udp6' : 'udp4')
  const send = () => socket.send('who', port, address)
  socket.once('listening', () => socket.setBroadcast(true))
  socket.on('message', onAnswer)
  socket.on('error', () => undefined) // as above
  const timer = setInterval(send, resendMs)
  send()
  return () => {
    clearInterval(timer)
    socket.close()
  }
}

/** Ids of the probes that were answered. */
async function askAll(probes: readonly Probe[]): Promise<string[]> {
  const answered = new Set<string>()
  const waiting = new Set(probes.flatMap(({ id, expected }) => (expected ? [id] : [])))
  const { promise, resolve } = Promise.withResolvers<void>()
  if (waiting.size === 0) resolve()
  const ends = probes.map((probe) =>
    ask(probe, () => {
      answered.add(probe.id)
      waiting.delete(probe.id)
      if (waiting.size === 0) resolve()
    }),
  )
  const timer = setTimeout(resolve, patienceMs)
  await Promise.all([promise, new Promise((end) => setTimeout(end, silenceMs))])
  clearTimeout(timer)
  for (const end of ends) end()
  return [...answered]
}

for (const port of process.argv.slice(2)) serve(Number(port))
process.stdout.write('ready\n')
for await (const line of createInterface({ input: process.stdin }))
  process.stdout.write(`${JSON.stringify(await askAll(JSON.parse(line)))}\n`)
