// Asks by UDP as fast as it can, 64 questions at a time, and prints how many a second were answered.
// Usage: dns-client.ts PORT SECONDS NAME...

import { createSocket } from 'node:dgram'
import * as dns from 'dns-packet'

const [port, seconds, ...names] = process.argv.slice(2)
const atOnce = 64
const warmUpMs = 500
const questions = names.map((name, id) =>
  dns.encode({ type: 'query', id, flags: dns.RECURSION_DESIRED, questions: [{ type: 'A', name }] }),
)
const countFrom = performance.now() + warmUpMs
const until = countFrom + Number(seconds) * 1000
let [asked, counted, last] = [0, 0, performance.now()]

const socket = createSocket({ type: 'udp4', recvBufferSize: 1024 * 1024 })
await new Promise<void>((resolve) => socket.connect(Number(port), '127.0.0.1', resolve))
socket.on('message', () => {
  last = performance.now()
  if (last >= countFrom && last < until) counted++
  if (last < until) ask()
})
for (let index = 0; index < atOnce; index++) ask()
// A lost datagram would end one of the 64 for good: the rate would be too low, and is refused instead.
setTimeout(finish, warmUpMs + Number(seconds) * 1000 + 200)

function ask(): void {
  socket.send(questions[asked++ % questions.length] ?? '')
}

function finish(): void {
  socket.close()
  if (last < until - 100) throw new Error('the server stopped answering')
  console.log((counted / Number(seconds)).toFixed(0))
}
