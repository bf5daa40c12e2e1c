import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer as createPodServer, type RequestListener } from 'node:http'
import { createServer, type Server } from 'node:https'
import { type AddressInfo, connect as connectPlain, createServer as createNetServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Duplex } from 'node:stream'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { FakeClient } from '../../../api/client/fake-client.ts'
import type { Endpoint, Pod, Service } from '../../../api/generated/types.ts'
import { endpointSlices } from '../../../api/resources/endpoint-slices.ts'
import { nodes } from '../../../api/resources/nodes.ts'
import { pods } from '../../../api/resources/pods.ts'
import { services } from '../../../api/resources/services.ts'
import { issueNode } from '../../pki/node-credentials.ts'
import { ensurePki, type Pki } from '../../pki/pki.ts'
import { type ApiRequest, type ApiResponse, anonymous } from '../exchange.ts'
import { AgentConnections } from './agent-connection.ts'
import { relay } from './relay.ts'
import { StreamingHandler } from './streaming-handler.ts'
import { StreamingUpgrades } from './upgrade-handler.ts'

const root = mkdtempSync(join(tmpdir(), 'fl-streaming-'))
const pkiOptions = {
  serverNames: [],
  serviceAddress: '10.96.0.1',
  clusterDomain: 'cluster.local',
  serverUrl: 'https://127.0.0.1:6443',
}
let pki: Pki
let agent: Server
/** First lines of what the agent was asked. */
let asked: string[] = []
let client: FakeClient
let handler: StreamingHandler
let upgrades: StreamingUpgrades

beforeAll(async () => {
  pki = await ensurePki(root, pkiOptions)
  const common = { dataDir: root, addresses: ['127.0.0.1'], serverUrl: pkiOptions.serverUrl }
  await issueNode({ ...common, name: 'node-1', outDir: join(root, 'node-1') })
})
afterAll(() => rmSync(root, { recursive: true }))

beforeEach(async () => {
  asked = []
  agent = startAgent()
  await new Promise<void>((resolve) => agent.listen(0, '127.0.0.1', resolve))
  client = new FakeClient()
  for (const name of ['node-1', 'node-2']) {
    const addresses = [{ type: 'InternalIP', address: '127.0.0.1' }]
    const daemonEndpoints = { kubeletEndpoint: { Port: (agent.address() as AddressInfo).port } }
    await client.create(nodes, { metadata: { name }, status: { addresses, daemonEndpoints } })
  }
  const agents = new AgentConnections(() => ({ ...pki.agentClient, ca: pki.caCert }))
  const inner = { handle: async () => ({ status: 200, headers: {}, body: 'inner' }) }
  handler = new StreamingHandler({ inner, client, agents })
  upgrades = new StreamingUpgrades({ client, agents, authorize: async (request) => request })
})
afterEach(() => {
  agent.closeAllConnections()
  agent.close()
})

function joinWith(socket: Duplex, pod: Socket): void {
  socket.pipe(pod).pipe(socket)
}

/** Takes the API server's certificate alone; answers logs, and echoes what comes after an upgrade. */
function startAgent(): Server {
  const credentials = {
    cert: readFileSync(join(root, 'node-1/server.crt')),
    key: readFileSync(join(root, 'node-1/server.key')),
    ca: pki.caCert,
  }
  const server = createServer({ ...credentials, requestCert: true, rejectUnauthorized: true }, (message, response) => {
    asked.push(`${message.method} ${message.url}`)
    if (message.url?.includes('/waiting') === true) {
      response.writeHead(400).end('container "waiting" in pod "web" is waiting to start: ContainerCreating')
    } else response.end('line one\nline two\n')
  })
  server.on('upgrade', (message, socket) => {
    asked.push(`${message.method} ${message.url} ${message.headers['sec-websocket-protocol'] ?? ''}`.trim())
    socket.write('HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n')
    const [, port] = /^\/tunnel\/.*\?port=(\d+)$/.exec(message.url ?? '') ?? []
    if (port === undefined) socket.pipe(socket)
    else joinWith(socket, connectPlain(Number(port), '127.0.0.1'))
  })
  return server
}

async function makePod(pod: Partial<Pod['spec']> & { annotations?: Record<string, string>; phase?: string } = {}) {
  const { annotations, phase = 'Running', ...spec } = pod
  await client.create(pods, {
    metadata: { name: 'web', namespace: 'default', ...(annotations && { annotations }) },
    spec: { nodeName: 'node-1', containers: [{ name: 'app' }], ...spec },
    status: { phase },
  } as Pod)
}

function toRequest(path: string, headers: Record<string, string> = {}): ApiRequest {
  const url = new URL(path, 'https://api')
  return { method: 'GET', url, headers, body: new Uint8Array(), user: anonymous, signal: AbortSignal.timeout(5_000) }
}

async function ask(path: string): Promise<{ status: number; text: string }> {
  const { status, body }: ApiResponse = await handler.handle(toRequest(path))
  if (typeof body === 'string') return { status, text: status === 200 ? body : JSON.parse(body).message }
  const chunks: Buffer[] = []
  for await (const chunk of body as AsyncIterable<Uint8Array>) chunks.push(Buffer.from(chunk))
  return { status, text: Buffer.concat(chunks).toString() }
}

const logPath = '/api/v1/namespaces/default/pods/web/log'

describe('logs', () => {
  test('come from the agent of the node that the pod is bound to', async () => {
    await makePod()
    expect(await ask(`${logPath}?follow=true&tailLines=5&container=app&pretty=1`)).toEqual({
      status: 200,
      text: 'line one\nline two\n',
    })
    expect(asked).toEqual(['GET /containerLogs/default/web/app?follow=true&tailLines=5'])
  })

  test('of a pod with several containers are those of its default one, or need a choice', async () => {
    await makePod({ containers: [{ name: 'a' }, { name: 'b' }], initContainers: [{ name: 'prepare' }] })
    expect(await ask(logPath)).toEqual({
      status: 400,
      text: 'a container name must be specified for pod web, choose one of: [a b] or one of the init containers: [prepare]',
    })
    expect((await ask(`${logPath}?container=prepare`)).status).toBe(200)
    expect(await ask(`${logPath}?container=c`)).toEqual({ status: 400, text: 'container c is not valid for pod web' })
  })

  test('follow the annotation that names the default container', async () => {
    const annotations = { 'kubectl.kubernetes.io/default-container': 'b' }
    await makePod({ containers: [{ name: 'a' }, { name: 'b' }], annotations })
    await ask(logPath)
    expect(asked).toEqual(['GET /containerLogs/default/web/b?'])
  })

  test('of a pod that has no node yet are empty', async () => {
    await makePod({ nodeName: '' })
    expect(await ask(logPath)).toEqual({ status: 200, text: '' })
  })

  test('of a pod that is not there are not found', async () => {
    expect(await ask(logPath)).toEqual({ status: 404, text: 'pods "web" not found' })
  })

  test('that the agent refuses are refused with its words', async () => {
    await makePod({ containers: [{ name: 'waiting' }] })
    expect(await ask(logPath)).toEqual({
      status: 400,
      text: 'container "waiting" in pod "web" is waiting to start: ContainerCreating',
    })
  })

  test.each([
    [
      'tailLines=-1',
      422,
      'PodLogOptions "" is invalid: tailLines: Invalid value: -1: must be greater than or equal to 0',
    ],
    ['sinceSeconds=0', 422, 'PodLogOptions "" is invalid: sinceSeconds: Invalid value: 0: must be greater than 0'],
    ['tailLines=x', 400, 'strconv.ParseInt: parsing "x": invalid syntax'],
  ])('with %s are refused', async (query, status, text) => {
    await makePod()
    expect(await ask(`${logPath}?${query}`)).toEqual({ status, text })
  })

  test('are not taken from an agent that shows the certificate of another node', async () => {
    await makePod({ nodeName: 'node-2' })
    const { status, text } = await ask(logPath)
    expect(status).toBe(500)
    expect(text).toMatch(/cannot reach the agent at https:\/\/127.0.0.1:\d+\/: .*node-2/)
    expect(asked).toEqual([])
  })

  test('of an agent that is down are an error that says where', async () => {
    await makePod()
    const { port } = agent.address() as AddressInfo
    await new Promise((resolve) => agent.close(resolve))
    const { status, text } = await ask(logPath)
    expect([status, text]).toEqual([500, expect.stringContaining(`https://127.0.0.1:${port}`)])
    expect(text).toContain('ECONNREFUSED')
  })
})

describe('proxies', () => {
  test('to a node end at its agent', async () => {
    expect((await ask('/api/v1/nodes/node-1:10250/proxy/pods/?a=b')).text).toBe('line one\nline two\n')
    expect(asked).toEqual(['GET /pods/?a=b'])
  })

  /** A pod's own server, over HTTP or HTTPS. Returns its port. */
  async function startPod(scheme: 'http' | 'https', served: string[]): Promise<number> {
    const tls = {
      cert: readFileSync(join(root, 'node-1/server.crt')),
      key: readFileSync(join(root, 'node-1/server.key')),
    }
    const answer: RequestListener = (message, response) => {
      served.push(`${message.method} ${message.url} ${message.headers.authorization ?? 'nobody'}`)
      response.writeHead(418, { 'x-from': scheme }).end('teapot')
    }
    const server = scheme === 'http' ? createPodServer(answer) : createServer(tls, answer)
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    cleanups.push(() => {
      server.closeAllConnections()
      server.close()
    })
    return (server.address() as AddressInfo).port
  }
  const cleanups: (() => void)[] = []
  afterEach(() => {
    for (const clean of cleanups.splice(0)) clean()
  })

  async function runPod(port: number): Promise<void> {
    await makePod({ containers: [{ name: 'app', ports: [{ name: 'http', containerPort: port }] }] })
    const found = await client.get(pods, { namespace: 'default', name: 'web' })
    // An address that this host cannot reach: the way leads through the agent.
    await client.update(pods, { ...found, status: { phase: 'Running', podIP: '10.244.0.9' } })
  }

  async function makeService(port: number, endpoint: Partial<Endpoint> = {}): Promise<void> {
    const metadata = { name: 'web', namespace: 'default' }
    await client.create(services, { metadata, spec: { ports: [{ name: 'http', port: 80 }] } } as Service)
    await client.create(endpointSlices, {
      metadata: { name: 'web-1', namespace: 'default', labels: { 'kubernetes.io/service-name': 'web' } },
      addressType: 'IPv4',
      endpoints: [
        { addresses: ['10.244.0.9'], nodeName: 'node-1', targetRef: { kind: 'Pod', name: 'web' }, ...endpoint },
      ],
      ports: [{ name: 'http', port }],
    })
  }

  const proxyPath = (kind: string, target: string) => `/api/v1/namespaces/default/${kind}/${target}/proxy/tea?hot=1`

  test("to a pod go through its node's agent to its own server, without the caller's credentials", async () => {
    const served: string[] = []
    const port = await startPod('http', served)
    await runPod(port)
    for (const target of ['web', 'web:http', `web:${port}`, `http:web:${port}`]) {
      const answer = await handler.handle(toRequest(proxyPath('pods', target), { authorization: 'secret' }))
      expect([answer.status, answer.headers['x-from']]).toEqual([418, 'http'])
    }
    expect(new Set(served)).toEqual(new Set(['GET /tea?hot=1 nobody']))
    expect(new Set(asked)).toEqual(new Set([`GET /tunnel/default/web?port=${port}`]))
  })

  test('to a Service go to one of its endpoints, whatever the method', async () => {
    const served: string[] = []
    const port = await startPod('http', served)
    await makeService(port)
    for (const target of ['web', 'web:http', 'web:80', 'http:web:http'])
      expect((await handler.handle(toRequest(proxyPath('services', target)))).status).toBe(418)
    for (const method of ['DELETE', 'PATCH', 'PUT', 'POST', 'OPTIONS'])
      expect((await handler.handle({ ...toRequest(proxyPath('services', 'web')), method })).status).toBe(418)
    expect(served.map((line) => line.split(' ')[0])).toEqual([
      'GET',
      'GET',
      'GET',
      'GET',
      'DELETE',
      'PATCH',
      'PUT',
      'POST',
      'OPTIONS',
    ])
  })

  test('speak TLS with a server that wants it', async () => {
    const port = await startPod('https', [])
    await makeService(port)
    const answer = await handler.handle(toRequest(proxyPath('services', 'https:web:http')))
    expect([answer.status, answer.headers['x-from']]).toEqual([418, 'https'])
  })

  test('an answer that has begun may fall silent; one that does not begin is given up', async () => {
    const server = createPodServer((message, response) => {
      if (message.url === '/silent') return
      response.write('one ')
      setTimeout(() => response.end('two'), 300)
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    cleanups.push(() => {
      server.closeAllConnections()
      server.close()
    })
    const agents = new AgentConnections(() => ({ ...pki.agentClient, ca: pki.caCert }))
    const backend = { host: '127.0.0.1', port: (server.address() as AddressInfo).port }
    const target = { backend, scheme: 'http' as const, answerTimeoutMs: 100 }
    let text = ''
    for await (const chunk of await relay({ ...target, path: '/' }, toRequest('/'), agents)) text += chunk
    expect(text).toBe('one two')
    await expect(relay({ ...target, path: '/silent' }, toRequest('/'), agents)).rejects.toThrow('timed out')
  })

  test.each([
    [{}, 'web:443', 400, 'service web has no port "443"'],
    [{ conditions: { ready: false } }, 'web', 503, 'no endpoints available for service "web"'],
    // Whoever may write slices must not reach what listens on the control plane's loopback.
    [{ addresses: ['127.0.0.1'], targetRef: undefined }, 'web', 400, 'address not allowed: 127.0.0.1'],
    [{}, 'ftp:web:80', 400, 'invalid proxy target "ftp:web:80"'],
  ])('that cannot be are refused: %j %s', async (endpoint, target, status, text) => {
    await makeService(8080, endpoint as Partial<Endpoint>)
    expect(await ask(proxyPath('services', target))).toEqual({ status, text: expect.stringContaining(text) })
  })
})

describe('upgrades', () => {
  const execPath = '/api/v1/namespaces/default/pods/web/exec?stdin=true&stdout=true&command=echo&command=a%26b'

  /** Both ends of a connection, as the HTTP server gives them away. */
  async function connection(): Promise<{ near: Socket; far: Socket; end(): void }> {
    const far = Promise.withResolvers<Socket>()
    const server = createNetServer(far.resolve)
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const near = connectPlain((server.address() as AddressInfo).port, '127.0.0.1')
    return { near, far: await far.promise, end: () => server.close() }
  }

  test('are passed on with headers and query, and bytes go both ways', async () => {
    await makePod()
    const { near, far, end } = await connection()
    const headers = {
      upgrade: 'websocket',
      connection: 'Upgrade',
      'sec-websocket-protocol': 'v5.channel.k8s.io',
      authorization: 'secret',
    }
    const done = upgrades.upgrade(toRequest(execPath, headers), far, Buffer.from('early '))
    near.write('later')
    let received = ''
    for await (const chunk of near) {
      received += chunk
      if (received.endsWith('early later')) break
    }
    expect(received).toMatch(/^HTTP\/1.1 101 /)
    expect(asked).toEqual([
      'GET /exec/default/web/app?stdin=true&stdout=true&command=echo&command=a%26b v5.channel.k8s.io',
    ])
    near.destroy()
    await done
    end()
  })

  test.each([
    [{ nodeName: '' }, execPath, 'pod web does not have a host assigned'],
    [{ phase: 'Succeeded' }, execPath, 'cannot exec into a container in a completed pod; current phase is Succeeded'],
    [{}, execPath.replaceAll(/&command=[^&]*/g, ''), 'you must specify at least 1 command for the container'],
    [{}, execPath.replaceAll('=true', '=false'), 'you must specify at least 1 of stdin, stdout, stderr'],
    [{}, `${execPath}&container=x`, 'container x is not valid for pod web'],
  ])('are refused for what cannot be run: %j', async (pod, path, message) => {
    await makePod(pod)
    const { near, far, end } = await connection()
    await expect(upgrades.upgrade(toRequest(path), far, Buffer.alloc(0))).rejects.toThrow(message)
    expect(asked).toEqual([])
    near.destroy()
    end()
  })

  test('are not passed on when the caller may not', async () => {
    await makePod()
    const authorize = () => Promise.reject(new Error('not you'))
    const agents = new AgentConnections(() => ({ ...pki.agentClient, ca: pki.caCert }))
    const { near, far, end } = await connection()
    const refusing = new StreamingUpgrades({ client, agents, authorize })
    await expect(refusing.upgrade(toRequest(execPath), far, Buffer.alloc(0))).rejects.toThrow('not you')
    expect(asked).toEqual([])
    near.destroy()
    end()
  })

  test('are taken for exec, attach and port-forward alone', () => {
    const takes = (path: string) => upgrades.takes('GET', new URL(path, 'https://api'))
    const pod = '/api/v1/namespaces/default/pods/web'
    expect(['exec', 'attach', 'portforward'].map((name) => takes(`${pod}/${name}`))).toEqual([true, true, true])
    expect([takes(`${pod}/log`), takes(pod), takes(`${pod}/exec/more`)]).toEqual([false, false, false])
  })
})

test('exec without an upgrade is told that one is needed', async () => {
  await makePod()
  expect(await ask('/api/v1/namespaces/default/pods/web/exec?command=ls')).toEqual({
    status: 400,
    text: 'Upgrade request required',
  })
})

test('everything else goes to the inner handler', async () => {
  expect(await ask('/api/v1/namespaces/default/pods/web')).toEqual({ status: 200, text: 'inner' })
})
