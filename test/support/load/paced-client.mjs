// Opens TCP connections at a steady rate, each asking an HTTP server for /hostname, until its standard input ends. Prints
// as JSON how many were opened, how many failed and why, who answered, and how long answers took. A machine that cannot keep
// up is given fewer, never a heap of them. Runs inside a pod: node paced-client.mjs URL RATE
import { connect } from 'node:net'

const [target, rate] = process.argv.slice(2)
const { hostname, port } = new URL(target)
const tickMs = 5
const answerLimitMs = 20_000
// On a machine that cannot keep up, more would wait for longer than a server that ends goes on serving (2 s).
const mostAtOnce = 200
const result = { opened: 0, failed: {}, answeredBy: {}, seconds: 0, medianMs: 0, slowestMs: 0 }
const answerTimesMs = []
let pending = 0
let ending = false
const started = performance.now()

// What is due by now: a slow moment is made up for, so that the rate holds.
const timer = setInterval(() => {
  const due = Math.floor(((performance.now() - started) / 1000) * Number(rate))
  while (!ending && pending < mostAtOnce && result.opened < due) ask()
}, tickMs)
process.stdin.resume()
process.stdin.once('end', () => {
  ending = true
  clearInterval(timer)
  result.seconds = (performance.now() - started) / 1000
  finish()
})

function ask() {
  result.opened++
  pending++
  const askedAt = performance.now()
  let text = ''
  let reason
  const socket = connect({ host: hostname, port: Number(port || 80) })
  socket.setTimeout(answerLimitMs, () => socket.destroy(Object.assign(new Error('late'), { code: 'LATE' })))
  socket.on('connect', () => socket.write(`GET /hostname HTTP/1.1\r\nHost: ${hostname}\r\nConnection: close\r\n\r\n`))
  socket.on('data', (chunk) => {
    text += chunk
  })
  socket.on('error', (error) => {
    reason = error.code
  })
  socket.on('close', () => {
    pending--
    answerTimesMs.push(performance.now() - askedAt)
    const name = /\r\n\r\n(?:[0-9a-f]+\r\n)?(\S+)/.exec(text)?.[1]
    const [table, key] = name === undefined ? [result.failed, reason ?? 'CUT'] : [result.answeredBy, name]
    table[key] = (table[key] ?? 0) + 1
    finish()
  })
}

function finish() {
  if (!ending || pending > 0) return
  answerTimesMs.sort((a, b) => a - b)
  result.medianMs = answerTimesMs[Math.floor(answerTimesMs.length / 2)]
  result.slowestMs = answerTimesMs.at(-1)
  console.log(JSON.stringify(result))
}
