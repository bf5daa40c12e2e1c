// Opens TCP connections as fast as it can, 64 at a time, and prints how many a second got their greeting.
// Usage: client.ts ADDRESS PORT SECONDS

import { connect } from 'node:net'

const [host = '', port, seconds] = process.argv.slice(2)
const atOnce = 64
const warmUpMs = 300
const until = performance.now() + warmUpMs + Number(seconds) * 1000
const countFrom = performance.now() + warmUpMs
let counted = 0

await Promise.all(Array.from({ length: atOnce }, keepAsking))
console.log((counted / Number(seconds)).toFixed(0))

async function keepAsking(): Promise<void> {
  while (performance.now() < until) {
    await ask()
    const now = performance.now()
    if (now >= countFrom && now < until) counted++
  }
}

/** Rejects when a connection fails: a rate with failures in it would be no rate. */
function ask(): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port: Number(port) })
    socket.on('error', reject)
    // A reset leaves no TIME_WAIT behind, so that ports never run out.
    socket.on('data', () => socket.resetAndDestroy())
    socket.on('close', () => resolve())
  })
}
