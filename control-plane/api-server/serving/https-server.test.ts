import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { request as plainRequest } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import { connect, type TLSSocket } from 'node:tls'
import { Client } from 'undici'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest'
import { ensurePki, type Pki } from '../../pki/pki.ts'
import type { ApiRequest, ApiResponse } from '../exchange.ts'
import { HttpsServer } from './https-server.ts'

const root = mkdtempSync(join(tmpdir(), 'fl-serving-'))
const pkiOptions = {
  serverNames: [],
  serviceAddress: '10.96.0.1',
  clusterDomain: 'cluster.local',
  serverUrl: 'https://127.0.0.1:6443',
}
let pki: Pki
let foreign: Pki
beforeAll(async () => {
  pki = await ensurePki(join(root, 'own'), pkiOptions)
  foreign = await ensurePki(join(root, 'foreign'), pkiOptions)
})
afterAll(() => rmSync(root, { recursive: true }))

let server: HttpsServer
let port = 0
let seen: ApiRequest[] = []
let errors: unknown[] = []
let answer: (request: ApiRequest) => ApiResponse | Promise<ApiResponse>

beforeEach(async () => {
  seen = []
  errors = []
  answer = () => ({ status: 200, headers: {}, body: 'fine' })
  server = new HttpsServer({
    ...pki.server,
    clientCa: pki.caCert,
    authenticateToken: async (token) => (token === 'good' ? holder : undefined),
    handler: {
      async handle(request) {
        seen.push(request)
        return await answer(request)
      },
    },
    upgrades: { takes: (_, url) => url.pathname === '/exec', upgrade: async (_, socket) => void socket.end('taken') },
    headersTimeoutMs: 300,
    onError: (error) => errors.push(error),
  })
  port = (await server.listen(0, '127.0.0.1')).port
})
afterEach(async () => {
  await server.close(0)
  expect(errors).toEqual([])
})

const holder = { name: 'system:serviceaccount:default:web', groups: ['system:serviceaccounts'] }

/** A client, closed with the test's server. */
const client = (credentials: { cert?: string; key?: string } = {}) =>
  new Client(`https://127.0.0.1:${port}`, { connect: { ca: pki.caCert, ...credentials } })

const admin = () => ({
  cert: readFileSync(join(root, 'own/pki/admin.crt'), 'utf8'),
  key: readFileSync(join(root, 'own/pki/admin.key'), 'utf8'),
})

async function send(
  from: Client,
  path = '/',
  options: { method?: 'POST'; body?: string | Buffer; headers?: Record<string, string> } = {},
) {
  const { statusCode, headers, body } = await from.request({ method: 'GET', path, ...options })
  return { status: statusCode, headers, bytes: Buffer.from(await body.arrayBuffer()) }
}

/** A bare connection, for what no client library would send. */
async function dial(): Promise<TLSSocket> {
  const socket = connect({ port, host: '127.0.0.1', ca: pki.caCert })
  await new Promise((resolve) => socket.once('secureConnect', resolve))
  return socket
}

async function readAll(stream: AsyncIterable<Buffer>): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of stream) chunks.push(chunk)
  return Buffer.concat(chunks).toString()
}

test('a client certificate names the user and its groups', async () => {
  await send(client(admin()))
  expect(seen[0]?.user).toEqual({ name: 'kubernetes-admin', groups: ['system:masters', 'system:authenticated'] })
})

test('a client without a certificate is anonymous', async () => {
  await send(client())
  expect(seen[0]?.user.name).toBe('system:anonymous')
})

test('a certificate of another authority gets a 401 as a Status', async () => {
  const pair = {
    cert: readFileSync(join(root, 'foreign/pki/admin.crt'), 'utf8'),
    key: readFileSync(join(root, 'foreign/pki/admin.key'), 'utf8'),
  }
  const { status, bytes } = await send(client(pair))
  expect(status).toBe(401)
  expect(JSON.parse(bytes.toString())).toMatchObject({ kind: 'Status', reason: 'Unauthorized', code: 401 })
  expect(foreign.caCert).not.toBe(pki.caCert)
  expect(seen).toEqual([])
})

test('a certificate that is for servers does not make a user', async () => {
  expect((await send(client(pki.server))).status).toBe(401)
})

test('a bearer token names its holder, unless the connection has a certificate', async () => {
  const headers = { authorization: 'Bearer good' }
  await send(client(), '/', { headers })
  await send(client(admin()), '/', { headers })
  expect(seen.map(({ user }) => user.name)).toEqual([holder.name, 'kubernetes-admin'])
})

test('a token that nobody issued gets a 401', async () => {
  expect((await send(client(), '/', { headers: { authorization: 'Bearer abc' } })).status).toBe(401)
})

test('method, path, query, headers and body arrive', async () => {
  await send(client(admin()), '/api/v1/pods?limit=1', {
    method: 'POST',
    body: '{"a":1}',
    headers: { 'X-Some': 'thing' },
  })
  const [request] = seen
  expect([request?.method, request?.url.pathname, request?.url.search]).toEqual(['POST', '/api/v1/pods', '?limit=1'])
  expect(request?.headers['x-some']).toBe('thing')
  expect(Buffer.from(request?.body ?? []).toString()).toBe('{"a":1}')
})

test('a body of more than 3 MiB gets a 413 as a Status, and the connection is good for more', async () => {
  const one = client(admin())
  const { status, bytes } = await send(one, '/', { method: 'POST', body: Buffer.alloc(4 * 1024 * 1024) })
  expect(status).toBe(413)
  expect(JSON.parse(bytes.toString()).reason).toBe('RequestEntityTooLarge')
  expect(seen).toEqual([])
  expect((await send(one)).status).toBe(200)
})

test('of somebody whom nobody vouches for no large body is kept', async () => {
  const body = Buffer.alloc(4 * 1024 * 1024)
  expect((await send(client(), '/', { method: 'POST', body: body.subarray(0, 17 * 1024) })).status).toBe(413)
  expect((await send(client(), '/', { method: 'POST', body, headers: { authorization: 'Bearer abc' } })).status).toBe(
    401,
  )
  expect(seen).toEqual([])
  const headers = { authorization: 'Bearer good' }
  expect((await send(client(), '/', { method: 'POST', body: body.subarray(0, 2_000_000), headers })).status).toBe(200)
  expect((await send(client(), '/', { method: 'POST', body: 'short' })).status).toBe(200)
})

test('a body that is cut in the middle is not handled', async () => {
  const socket = await dial()
  socket.write('POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{"half":')
  await setImmediate()
  socket.destroy()
  await send(client())
  expect(seen.map(({ method }) => method)).toEqual(['GET'])
})

test('a client that takes too long to send its head is cut off', async () => {
  const socket = await dial()
  socket.write('GET / HTTP/1.1\r\nHost:')
  expect(await readAll(socket)).toMatch(/^HTTP\/1.1 408 /)
})

test('closing the server ends connections that wait for a request', async () => {
  const one = client()
  await send(one)
  await server.close(30_000)
  await expect(send(one)).rejects.toThrow()
})

test('plain HTTP on the port is told to use HTTPS', async () => {
  const response = await new Promise<import('node:http').IncomingMessage>((resolve, reject) => {
    plainRequest({ port, host: '127.0.0.1' }, resolve).on('error', reject).end()
  })
  expect(response.statusCode).toBe(400)
  expect(await readAll(response)).toBe('Client sent an HTTP request to an HTTPS server.\n')
})

test('a large answer is compressed for clients that accept it', async () => {
  answer = () => ({ status: 200, headers: {}, body: 'x'.repeat(200_000) })
  const plain = await send(client())
  expect([plain.headers['content-encoding'], plain.bytes.length]).toEqual([undefined, 200_000])
  const zipped = await send(client(), '/', { headers: { 'accept-encoding': 'gzip' } })
  expect(zipped.headers['content-encoding']).toBe('gzip')
  expect(zipped.bytes.length).toBeLessThan(10_000)
})

test('each chunk of a stream is sent at once', async () => {
  const next = Promise.withResolvers<void>()
  answer = () => ({
    status: 200,
    headers: {},
    body: (async function* () {
      yield 'one'
      await next.promise
      yield 'two'
    })(),
  })
  const { body } = await client().request({ method: 'GET', path: '/' })
  const chunks = body[Symbol.asyncIterator]()
  expect(String((await chunks.next()).value)).toBe('one')
  next.resolve()
  expect(String((await chunks.next()).value)).toBe('two')
})

test('a reader that does not read makes the producer wait, and ends it by going away', async () => {
  let produced = 0
  let ended = false
  answer = () => ({
    status: 200,
    headers: {},
    body: (async function* () {
      try {
        for (;;) {
          produced += 1
          yield Buffer.alloc(64 * 1024)
        }
      } finally {
        ended = true
      }
    })(),
  })
  const socket = await dial()
  socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n')
  socket.pause()
  let before = -1
  await vi.waitFor(
    () => {
      const now = produced
      const still = now > 0 && now === before
      before = now
      expect(still).toBe(true)
    },
    { interval: 100 },
  )
  expect(produced).toBeLessThan(1000)
  socket.destroy()
  await vi.waitFor(() => expect(ended).toBe(true))
  expect(seen[0]?.signal.aborted).toBe(true)
})

test('closing the server ends watches', async () => {
  answer = ({ signal }) => ({
    status: 200,
    headers: {},
    body: (async function* () {
      yield 'first'
      await new Promise((resolve) => signal.addEventListener('abort', resolve))
    })(),
  })
  const { body } = await client().request({ method: 'GET', path: '/' })
  const text = body.text()
  await server.close(30_000)
  expect(await text).toBe('first')
})

test('an upgrade goes to its handler, and another is served as if it had not been asked for', async () => {
  const upgrade = async (path: string) => {
    const socket = await dial()
    socket.write(`GET ${path} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade, close\r\nUpgrade: websocket\r\n\r\n`)
    return await readAll(socket)
  }
  expect(await upgrade('/exec')).toBe('taken')
  expect(await upgrade('/other')).toMatch(/^HTTP\/1.1 200 OK[\s\S]*fine/)
})

test('a port that is taken is an error', async () => {
  const other = new HttpsServer({
    ...pki.server,
    clientCa: pki.caCert,
    authenticateToken: async () => undefined,
    handler: { handle: async () => ({ status: 200, headers: {}, body: '' }) },
    upgrades: { takes: () => false, upgrade: async () => {} },
    onError: () => {},
  })
  await expect(other.listen(port, '127.0.0.1')).rejects.toMatchObject({ code: 'EADDRINUSE' })
})
