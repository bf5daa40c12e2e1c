// The server over real TLS and WebSockets, in front of the fake runtime.

import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { Agent as HttpsAgent, request } from 'node:https'
import { duplexPair, PassThrough } from 'node:stream'
import { text } from 'node:stream/consumers'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { WebSocket } from 'ws'
import type { KeyPair } from '../../api/credentials/credential-files.ts'
import { issueCertificate, makeAuthority } from '../../control-plane/pki/certificates.ts'
import { FakeRuntime } from '../runtime/fake-runtime.ts'
import { makeContainerSpec, makeSandboxSpec } from '../runtime/runtime.cases.ts'
import { type AgentServer, createAgentServer } from './agent-server.ts'
import { tunnelProtocol } from './port-forward.ts'
import { SpdySession } from './spdy/session.ts'
import { openTestWebSocket } from './test-web-socket.ts'

const runtime = new FakeRuntime()
let server: AgentServer
let port: number
let tls: Record<'apiServer' | 'other' | 'stranger', { ca: string; cert: string; key: string }>
let containerId: string

beforeAll(async () => {
  const authority = await makeAuthority('cluster')
  const strangers = await makeAuthority('elsewhere')
  const issue = (by: KeyPair, commonName: string) => issueCertificate(by, { commonName, usage: 'client' })
  const own = await issueCertificate(authority, { commonName: 'node-1', usage: 'server', names: ['127.0.0.1'] })
  const ca = authority.cert
  tls = {
    apiServer: { ca, ...(await issue(authority, 'api-server')) },
    other: { ca, ...(await issue(authority, 'somebody')) },
    stranger: { ca, ...(await issue(strangers, 'api-server')) },
  }
  const sandbox = await runtime.createSandbox(makeSandboxSpec())
  containerId = await runtime.createContainer(sandbox, makeContainerSpec(runtime.addImage('test-image')))
  await runtime.startContainer(containerId)
  const isWeb = (namespace: string, pod: string) => namespace === 'default' && pod === 'web'
  server = createAgentServer({
    runtime,
    tls: { ca, ...own },
    allowedClients: ['api-server'],
    nodeName: 'node-1',
    log: { warn: () => {} },
    pods: {
      findContainer: async (namespace, pod, container) =>
        isWeb(namespace, pod) && container === 'main' ? { id: containerId, tty: false, stdin: false } : undefined,
      findSandbox: async (namespace, pod) => (isWeb(namespace, pod) ? { id: sandbox.id } : undefined),
      pods: () => [{ metadata: { name: 'web', namespace: 'default' } }],
    },
  })
  port = await server.listen('127.0.0.1', 0)
})
afterAll(() => server.close())

async function get(path: string, identity: Partial<typeof tls.apiServer> = tls.apiServer) {
  const sent = request({ host: '127.0.0.1', port, path, ...identity, agent: new HttpsAgent() }).end()
  const [response] = await once(sent, 'response')
  return { status: response.statusCode, body: await text(response) }
}

/** A WebSocket whose messages are kept from the first on. */
async function open(path: string, protocol: string, identity = tls.apiServer) {
  const socket = new WebSocket(`wss://127.0.0.1:${port}${path}`, protocol, identity)
  const messages: Buffer[] = []
  socket.on('message', (message: Buffer) => messages.push(message))
  const closed = new Promise<number>((resolve) => void socket.on('close', resolve))
  await once(socket, 'open')
  const channel = (wanted: number) =>
    Buffer.concat(messages.filter(([from]) => from === wanted).map((message) => message.subarray(1))).toString()
  return { socket, closed, channel, messages }
}

test('without a certificate of the cluster’s authority nothing is answered but 401', async () => {
  expect((await get('/healthz', { ca: tls.apiServer.ca })).status).toBe(401)
  expect((await get('/healthz', tls.stranger)).status).toBe(401)
})

test('another name than the API server’s is forbidden, for WebSockets too', async () => {
  expect((await get('/pods', tls.other)).status).toBe(403)
  const opening = open('/exec/default/web/main?command=true&output=1', 'v5.channel.k8s.io', tls.other)
  await expect(opening).rejects.toThrow('403')
})

test('health and pods are told', async () => {
  expect(await get('/healthz')).toEqual({ status: 200, body: 'ok' })
  const { items } = JSON.parse((await get('/pods')).body)
  expect(items).toEqual([{ metadata: { name: 'web', namespace: 'default' } }])
})

test('the summary has what running containers use', async () => {
  const { node, pods } = JSON.parse((await get('/stats/summary')).body)
  expect(node.nodeName).toBe('node-1')
  expect(pods[0].containers[0]).toMatchObject({ name: 'main', memory: { workingSetBytes: 10_000_000 } })
})

test('paths and containers that are not there are 404, senseless options 400', async () => {
  expect((await get('/run/default/web/main')).status).toBe(404)
  expect((await get('/containerLogs/default/web')).status).toBe(404)
  expect((await get('/containerLogs/default/web/side')).status).toBe(404)
  expect((await get('/containerLogs/default/web/main?tailLines=few')).status).toBe(400)
  expect((await get('/exec/default/web/main?command=true')).status).toBe(400)
})

test('logs are sent, and followed until the client goes', async () => {
  const sandbox = await runtime.createSandbox(makeSandboxSpec())
  const spec = makeContainerSpec({ id: 'x' }, { command: ['sh', '-c', 'echo one; echo two; sleep forever'] })
  const own = containerId
  containerId = await runtime.createContainer(sandbox, spec)
  await runtime.startContainer(containerId)
  const path = '/containerLogs/default/web/main'
  await vi.waitFor(async () => expect((await get(`${path}?tailLines=1`)).body).toBe('two\n'))
  const sent = request({ host: '127.0.0.1', port, path: `${path}?follow=true`, ...tls.apiServer }).end()
  const [response] = await once(sent, 'response')
  expect(String((await once(response, 'data'))[0])).toContain('one\n')
  sent.destroy()
  containerId = own
})

test('of a client that goes before its log is open nothing stays open', async () => {
  const log = new PassThrough()
  const { promise: opened, resolve: open } = Promise.withResolvers<PassThrough>()
  const logs = vi.spyOn(runtime, 'logs').mockImplementationOnce(() => opened)
  const sent = request({
    host: '127.0.0.1',
    port,
    path: '/containerLogs/default/web/main?follow=true',
    ...tls.apiServer,
  })
  sent.on('error', () => undefined).end()
  await vi.waitFor(() => expect(logs).toHaveBeenCalled())
  sent.destroy()
  await new Promise((resolve) => setTimeout(resolve, 100)) // the server hears of it
  open(log)
  await vi.waitFor(() => expect(log.destroyed).toBe(true))
})

test('exec carries output and errors on their channels, and the exit code as a Status', async () => {
  const command = new URLSearchParams(
    [['sh'], ['-c'], ['echo out; echo bad >&2; exit 3']].map(([c]) => ['command', c ?? '']),
  )
  const { closed, channel } = await open(`/exec/default/web/main?${command}&output=1&error=1`, 'v5.channel.k8s.io')
  expect(await closed).toBe(1000)
  expect(channel(1)).toBe('out\n')
  expect(channel(2)).toBe('bad\n')
  expect(JSON.parse(channel(3))).toMatchObject({
    status: 'Failure',
    reason: 'NonZeroExitCode',
    details: { causes: [{ reason: 'ExitCode', message: '3' }] },
  })
})

test('the close signal of v5 ends stdin, and success is told', async () => {
  const path = '/exec/default/web/main?command=cat&input=1&output=1'
  const { socket, closed, channel } = await open(path, 'v5.channel.k8s.io')
  socket.send(Buffer.from('\x00hello '))
  socket.send(Buffer.from('\x00there'))
  socket.send(Buffer.from([255, 0]))
  await closed
  expect(channel(1)).toBe('hello there')
  expect(JSON.parse(channel(3))).toMatchObject({ status: 'Success' })
})

test('the base64 protocol writes channels as digits', async () => {
  const { closed, messages } = await open(
    '/exec/default/web/main?command=echo&command=hi&output=1',
    'base64.channel.k8s.io',
  )
  await closed
  expect(messages.map(String)).toContain(`1${Buffer.from('hi\n').toString('base64')}`)
})

test('a message that makes no sense ends the connection and not the server', async () => {
  const { socket, closed } = await open(
    '/exec/default/web/main?command=cat&input=1&output=1&tty=1',
    'v5.channel.k8s.io',
  )
  socket.send(Buffer.from('\x04{"Width":'))
  expect(await closed).toBe(1011)
  expect((await get('/healthz')).status).toBe(200)
})

test('the kernel finds out when a client’s host is gone: its session does not stay for ever', async () => {
  const { socket, closed } = await open('/exec/default/web/main?command=cat&input=1&output=1', 'v5.channel.k8s.io')
  const local = `:${port.toString(16).toUpperCase().padStart(4, '0')}`
  const established = '01'
  // Of one that is established and idle the timer (2) is that of the probes: https://docs.kernel.org/networking/proc_net_tcp.html
  const timersOf = () =>
    readFileSync('/proc/net/tcp', 'utf8')
      .split('\n')
      .map((line) => line.trim().split(/\s+/))
      .filter((fields) => fields[1]?.endsWith(local) && fields[3] === established)
      .map((fields) => fields[5]?.slice(0, 2))
  await vi.waitFor(() => expect(new Set(timersOf())).toEqual(new Set(['02'])))
  socket.terminate()
  await closed
})

test('protocols that the server does not know are refused', async () => {
  await expect(open('/exec/default/web/main?command=true&output=1', 'v9.channel.k8s.io')).rejects.toThrow('400')
})

/** Answers with what it was asked, in capitals, when the question has ended. */
function serveEcho(): void {
  runtime.servePort(8080, () => {
    const [near, far] = duplexPair()
    let question = ''
    far.on('data', (chunk) => (question += chunk))
    far.on('end', () => far.end(question.toUpperCase()))
    return near
  })
}

test('kubectl’s tunnel forwards connections as pairs of SPDY streams', async () => {
  serveEcho()
  const options = { host: '127.0.0.1', port, path: '/portForward/default/web', ...tls.apiServer }
  let received = Promise.resolve()
  const { chosen, client } = await openTestWebSocket(options, tunnelProtocol, (message) => {
    received = received.then(() => session.receive(message))
  })
  expect(chosen).toBe(tunnelProtocol)
  const session = new SpdySession({ write: async (bytes) => client.send(bytes), onStream: () => {} })
  for (const requestid of ['0', '1']) {
    const errors = await session.open({ streamtype: 'error', port: '8080', requestid })
    const data = await session.open({ streamtype: 'data', port: '8080', requestid })
    errors.end()
    data.end(`question ${requestid}`)
    const answers = await Promise.all([text(data), text(errors)])
    expect(answers).toEqual([`QUESTION ${requestid}`, ''])
  }
  const errors = await session.open({ streamtype: 'error', port: '9999', requestid: '2' })
  await session.open({ streamtype: 'data', port: '9999', requestid: '2' })
  expect(await text(errors)).toContain('nothing listens on port 9999')
  client.close()
})

/** A client of kubectl's tunnel. */
async function openTunnel() {
  const options = { host: '127.0.0.1', port, path: '/portForward/default/web', ...tls.apiServer }
  let received = Promise.resolve()
  const { client } = await openTestWebSocket(options, tunnelProtocol, (message) => {
    received = received.then(() => session.receive(message))
  })
  const session = new SpdySession({ write: async (bytes) => client.send(bytes), onStream: () => {} })
  const connect = async (to: number, requestid: string) => {
    const errors = await session.open({ streamtype: 'error', port: String(to), requestid })
    return { errors, data: await session.open({ streamtype: 'data', port: String(to), requestid }) }
  }
  return { client, connect }
}

test.each([
  ['a pod that has closed its end', 8081],
  ['a port where nothing listens', 9999],
])('what is sent to %s holds up no other connection of the tunnel', async (_, to) => {
  serveEcho()
  runtime.servePort(8081, () => {
    const [near, far] = duplexPair()
    far.destroy()
    near.destroy()
    return near
  })
  const { client, connect } = await openTunnel()
  const closed = await connect(to, '0')
  closed.data.end(Buffer.alloc(1_000_000))
  const { data } = await connect(8080, '1')
  data.end('question')
  expect(await text(data)).toBe('QUESTION')
  client.close()
})

test('a connection that is given up while the pod is being connected to leaves nothing there', async () => {
  const [near] = duplexPair()
  const { promise: connected, resolve: connect } = Promise.withResolvers<typeof near>()
  vi.spyOn(runtime, 'portForward').mockImplementationOnce(() => connected)
  serveEcho()
  const tunnel = await openTunnel()
  const { data: abandoned } = await tunnel.connect(8080, '0')
  abandoned.destroy()
  const { data } = await tunnel.connect(8080, '1')
  data.end('later')
  expect(await text(data)).toBe('LATER')
  connect(near)
  await vi.waitFor(() => expect(near.destroyed).toBe(true))
  tunnel.client.close()
})

test('the channel protocol forwards a port, which it names first', async () => {
  serveEcho()
  const { socket, closed, messages, channel } = await open('/portForward/default/web?ports=8080', 'v4.channel.k8s.io')
  await vi.waitFor(() => expect(messages).toHaveLength(2))
  expect(messages.map((message) => [message[0], message.readUInt16LE(1)])).toEqual([
    [0, 8080],
    [1, 8080],
  ])
  socket.send(Buffer.from('\x00question'))
  socket.close()
  await closed
  expect(channel(1)).toHaveLength(2)
})
