// An agent's certificates are renewed while it works: nothing that is under way notices.

import { X509Certificate } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect, type TLSSocket } from 'node:tls'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest'
import { NodeCredentials } from '../../agent/credentials/node-credentials.ts'
import { FakeRuntime } from '../../agent/runtime/fake-runtime.ts'
import { createAgentServer } from '../../agent/server/agent-server.ts'
import { HttpClient } from '../../api/client/http-client.ts'
import { TlsTransport } from '../../api/client/tls-transport.ts'
import { filesOf, type KeyPair, readPair, writePair } from '../../api/credentials/credential-files.ts'
import { nodes } from '../../api/resources/nodes.ts'
import { issueCertificate } from '../../control-plane/pki/certificates.ts'
import { readAuthority } from '../../control-plane/pki/pki.ts'
import { startControlPlane, type TestControlPlane } from '../support/start-control-plane.ts'

/** Certificates hold from five minutes ago: with so little left they are renewed at once. */
const lifeMs = 60_000
/** What is left of one whose end is waited for; the renewal must come before that. */
const shortLifeMs = 20_000
const user = { commonName: 'system:node:n-1', organizations: ['system:nodes'] }
let cluster: TestControlPlane
let directory = ''
let old: { client: KeyPair; server: KeyPair }
let stop: AbortController
let errors: unknown[]

beforeAll(async () => {
  cluster = await startControlPlane()
})
afterAll(async () => await cluster?.close())

const issueClient = (leftMs: number) =>
  issueCertificate(readAuthority(cluster.dataDir), { ...user, usage: 'client', lifeMs: leftMs })

beforeEach(async () => {
  const authority = readAuthority(cluster.dataDir)
  old = {
    client: await issueClient(lifeMs),
    server: await issueCertificate(authority, { ...user, usage: 'server', names: ['n-1', '192.0.2.11'], lifeMs }),
  }
  directory = mkdtempSync(join(tmpdir(), 'fl-agent-pki-'))
  for (const name of ['client', 'server'] as const) writePair(filesOf(directory, name), old[name])
  stop = new AbortController()
  errors = []
})
afterEach(() => {
  stop.abort()
  rmSync(directory, { recursive: true })
})

function makeCredentials() {
  return new NodeCredentials({
    nodeName: 'n-1',
    nodeIps: ['192.0.2.11'],
    serverUrl: cluster.url,
    clientFiles: filesOf(directory, 'client'),
    serverFiles: filesOf(directory, 'server'),
    lifeSeconds: 600,
  })
}

const serialOf = ({ cert }: KeyPair) => new X509Certificate(cert).serialNumber

test('a watch goes on over the renewal and past the end of the old certificate, and loses nothing', async () => {
  old.client = await issueClient(shortLifeMs)
  writePair(filesOf(directory, 'client'), old.client)
  const credentials = makeCredentials()
  const options = { server: cluster.url, ca: cluster.pki.caCert }
  const transport = new TlsTransport({ ...options, ...credentials.client })
  const stale = new TlsTransport({ ...options, ...old.client })
  const [client, forgetful] = [new HttpClient(transport), new HttpClient(stale)]
  const seen: string[] = []
  const watching = (async () => {
    for await (const { type, object } of client.watch(nodes, { signal: stop.signal }))
      if (type === 'ADDED') seen.push(object.metadata.name)
  })()
  let made = 0
  const makeNode = () => cluster.admin.create(nodes, { metadata: { name: `w-${++made}` } })
  await makeNode()
  const renewed: KeyPair[] = []
  const onClient = (pair: KeyPair) => {
    transport.renew(pair)
    renewed.push(pair)
  }
  const users = { client, onClient, onServer: () => {}, onError: (error: unknown) => errors.push(error) }
  const running = credentials.run(users, stop.signal)
  await vi.waitFor(() => expect(renewed).toHaveLength(1), { timeout: shortLifeMs, interval: 10 })
  await makeNode()
  expect(readPair(filesOf(directory, 'client'))).toEqual(renewed[0])
  // The server refuses the old certificate once it has ended, also on a connection that began before.
  const refusal = async () => await expect(forgetful.list(nodes)).rejects.toThrow('Unauthorized')
  await vi.waitFor(refusal, { timeout: 2 * shortLifeMs, interval: 200 })
  await makeNode()
  expect((await client.list(nodes)).items.length).toBeGreaterThanOrEqual(made)
  await vi.waitFor(() => expect(seen).toEqual(['w-1', 'w-2', 'w-3']), { timeout: 10_000 })
  stop.abort()
  await Promise.all([watching, running, transport.close(), stale.close()])
  expect(errors).toEqual([])
}, 70_000)

async function dial(port: number): Promise<TLSSocket> {
  const socket = connect({
    port,
    host: '127.0.0.1',
    ca: cluster.pki.caCert,
    servername: 'n-1',
    ...cluster.pki.agentClient,
  })
  await new Promise((resolve, reject) => socket.once('secureConnect', resolve).once('error', reject))
  return socket
}

const serialShown = (socket: TLSSocket) => socket.getPeerX509Certificate()?.serialNumber

test('the agent shows its new serving certificate to new connections; those that are open go on', async () => {
  const credentials = makeCredentials()
  const server = createAgentServer({
    runtime: new FakeRuntime(),
    pods: { pods: () => [], findContainer: async () => undefined, findSandbox: async () => undefined },
    tls: { ca: cluster.pki.caCert, ...credentials.server },
    allowedClients: ['kube-apiserver-kubelet-client'],
    log: console,
  })
  const port = await server.listen('127.0.0.1', 0)
  const before = await dial(port)
  expect(serialShown(before)).toBe(serialOf(old.server))
  const client = cluster.connect(credentials.client)
  const renewed: KeyPair[] = []
  const onServer = (pair: KeyPair) => {
    server.renew(pair)
    renewed.push(pair)
  }
  const users = { client, onClient: () => {}, onServer, onError: (error: unknown) => errors.push(error) }
  const running = credentials.run(users, stop.signal)
  await vi.waitFor(() => expect(renewed).toHaveLength(1), { timeout: 30_000, interval: 10 })
  const after = await dial(port)
  expect(serialShown(after)).toBe(renewed[0] && serialOf(renewed[0]))
  before.write('GET /healthz HTTP/1.1\r\nhost: n-1\r\n\r\n')
  expect(String(await new Promise((resolve) => before.once('data', resolve)))).toContain('200 OK')
  stop.abort()
  for (const socket of [before, after]) socket.destroy()
  await Promise.all([running, server.close()])
  expect(errors).toEqual([])
}, 60_000)

test('an agent whose files do not belong together says so', () => {
  writePair(filesOf(directory, 'client'), { cert: old.client.cert, key: old.server.key })
  expect(() => makeCredentials()).toThrow('are not a certificate and its key: join this host anew')
})
