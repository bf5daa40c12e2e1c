// The server as users have it: started as a process, spoken to over its sockets, ended with signals.

import { type ChildProcess, spawn } from 'node:child_process'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { Agent, get } from 'node:http'
import { connect } from 'node:net'
import { join } from 'node:path'
import { json, text } from 'node:stream/consumers'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'

// One port range per run: parallel runs on a machine stay apart.
const port = 20_000 + (process.pid % 4000) * 3
const base = `http://127.0.0.1:${port}`
let server: ChildProcess
let ended: Promise<unknown[]>

beforeEach(async () => {
  const env = {
    ...process.env,
    PORT: String(port),
    POD_NAME: 'web-0',
    NODE_NAME: 'node-1',
    TEXT: 'v2',
    DRAIN_SECONDS: '0.5',
  }
  server = spawn(process.execPath, [join(import.meta.dirname, 'main.ts'), 'serve'], { env, stdio: 'ignore' })
  ended = once(server, 'exit')
  await vi.waitFor(async () => expect((await fetch(`${base}/readyz`)).status).toBe(200), { timeout: 10_000 })
})
afterEach(async () => {
  server.kill('SIGKILL')
  await ended
})

const control = (query: string) => fetch(`${base}/control?${query}`, { method: 'POST' })

test('an HTTP answer says who answered whom, with the headers that came', async () => {
  const answer = await fetch(`${base}/some/path?a=1`, { headers: { 'x-test': 'yes' } })
  const facts = await answer.json()
  expect(facts).toMatchObject({ pod: 'web-0', node: 'node-1', text: 'v2', protocol: 'http', path: '/some/path?a=1' })
  expect(facts).toMatchObject({ client: expect.stringMatching(/^127\.0\.0\.1:\d+$/), headers: { 'x-test': 'yes' } })
  expect(await (await fetch(`${base}/hostname`)).text()).toBe('web-0\n')
})

test('a TCP line is answered with the facts and the line', async () => {
  const socket = connect(port + 1, '127.0.0.1').setEncoding('utf8')
  socket.write('hello\n')
  const [answer] = await once(socket, 'data')
  expect(JSON.parse(String(answer))).toMatchObject({ pod: 'web-0', protocol: 'tcp', line: 'hello' })
  socket.end()
})

test('a client that breaks its connection off does no harm to others', async () => {
  const rude = connect(port + 1, '127.0.0.1')
  await once(rude, 'connect')
  rude.write('half a line')
  rude.resetAndDestroy()
  const polite = connect(port + 1, '127.0.0.1')
  polite.end('hello\n')
  expect(JSON.parse(await text(polite))).toMatchObject({ line: 'hello' })
})

test('a UDP datagram is answered with the facts and its text', async () => {
  const socket = createSocket('udp4')
  socket.send('hello', port + 2, '127.0.0.1')
  const [answer] = await once(socket, 'message')
  expect(JSON.parse(String(answer))).toMatchObject({ pod: 'web-0', protocol: 'udp', line: 'hello' })
  socket.close()
})

test('switches turn probes bad and good again, and refuse what they do not know', async () => {
  await control('ready=false&healthy=false')
  expect((await fetch(`${base}/readyz`)).status).toBe(503)
  expect((await fetch(`${base}/healthz`)).status).toBe(500)
  await control('ready=true&healthy=true')
  expect((await fetch(`${base}/readyz`)).status).toBe(200)
  expect((await control('ready=perhaps')).status).toBe(400)
  expect((await control('colour=red')).status).toBe(400)
})

test('told to end, it ends with the code that it was given', async () => {
  await control('exit=3')
  expect(await ended).toEqual([3, null])
})

test('on SIGTERM it turns unready, serves new and open requests, and ends with 0', async () => {
  const agent = new Agent({ keepAlive: true })
  const slow = new Promise<unknown>((resolve, reject) => {
    get(`${base}/?delayMs=1500`, { agent }, (response) => resolve(json(response))).on('error', reject)
  })
  server.kill('SIGTERM')
  await vi.waitFor(async () => expect((await fetch(`${base}/readyz`)).status).toBe(503))
  const whileEnding = await fetch(`${base}/hostname`)
  expect(await whileEnding.text()).toBe('web-0\n')
  expect(await slow).toMatchObject({ pod: 'web-0' })
  expect(await ended).toEqual([0, null])
  agent.destroy()
})

test('called in another way it prints how to use it', async () => {
  const other = spawn(process.execPath, [join(import.meta.dirname, 'main.ts')], { stdio: ['ignore', 'ignore', 'pipe'] })
  expect(await text(other.stderr)).toContain('testbox serve')
})
