import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { networkInterfaces, tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { afterAll, afterEach, beforeEach, expect, test, vi } from 'vitest'
import { HttpClient } from '../../api/client/http-client.ts'
import { loadKubeconfig } from '../../api/client/kubeconfig.ts'
import { TlsTransport } from '../../api/client/tls-transport.ts'
import { configMaps } from '../../api/resources/config-maps.ts'
import { nodes } from '../../api/resources/nodes.ts'

const root = mkdtempSync(join(tmpdir(), 'fl-control-plane-'))
const program = join(import.meta.dirname, '../../control-plane/main.ts')
/** Endpoints may not be loopback addresses, so a host without any other cannot be a control plane. */
const ownAddress = Object.values(networkInterfaces())
  .flatMap((addresses) => addresses ?? [])
  .find(({ internal, family }) => !internal && family === 'IPv4')?.address

let dataDir = ''
let port = 0
let children: ChildProcess[] = []
let transports: TlsTransport[] = []

beforeEach(async () => {
  dataDir = mkdtempSync(join(root, 'data-'))
  port = await freePort()
})
afterEach(async () => {
  await Promise.all(transports.map((transport) => transport.close()))
  for (const child of children) child.kill('SIGKILL')
  children = []
  transports = []
})
afterAll(() => rmSync(root, { recursive: true, force: true }))

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, resolve))
  const address = server.address()
  await new Promise((resolve) => server.close(resolve))
  return typeof address === 'object' && address !== null ? address.port : 0
}

function start(...args: string[]): ChildProcess {
  const child = spawn(process.execPath, [program, ...args], { stdio: ['ignore', 'pipe', 'pipe'] })
  children.push(child)
  return child
}

/** Runs to the end: exit code and what was said on stderr. */
async function run(...args: string[]): Promise<[number | null, string]> {
  const child = start(...args)
  if (child.stderr === null) throw new Error('no stderr')
  const [stderr] = await Promise.all([text(child.stderr), once(child, 'exit')])
  return [child.exitCode, stderr]
}

const serveFlags = () => ['serve', '--data-dir', dataDir, '--port', String(port)]

/** Starts the control plane and returns when it is ready. */
async function serve(): Promise<ChildProcess> {
  const child = start(...serveFlags())
  child.stderr?.resume()
  await vi.waitFor(
    async () => {
      const transport = new TlsTransport({ server: `https://127.0.0.1:${port}`, insecure: true })
      const { status } = await transport
        .send({ method: 'GET', path: '/readyz', headers: {} })
        .finally(() => transport.close())
      expect(status).toBe(200)
    },
    { timeout: 25_000, interval: 100 },
  )
  return child
}

function clientOf(kubeconfig: string): HttpClient {
  const transport = new TlsTransport({ ...loadKubeconfig(kubeconfig), server: `https://127.0.0.1:${port}` })
  transports.push(transport)
  return new HttpClient(transport)
}

const admin = () => clientOf(join(dataDir, 'admin.kubeconfig'))

async function stop(child: ChildProcess, signal: 'SIGTERM' | 'SIGKILL'): Promise<number | null> {
  const ended = once(child, 'exit')
  child.kill(signal)
  await ended
  return child.exitCode
}

const makeConfigMap = (name: string) => ({ metadata: { name, namespace: 'default' }, data: { a: 'b' } })

test.skipIf(ownAddress === undefined)(
  'what was acknowledged is there after a kill and after a clean stop',
  { timeout: 90_000 },
  async () => {
    const first = await serve()
    const created = await admin().create(configMaps, makeConfigMap('one'))
    await stop(first, 'SIGKILL')
    const second = await serve()
    const client = admin()
    expect(await client.get(configMaps, { namespace: 'default', name: 'one' })).toEqual(created)
    const { resourceVersion } = (await client.create(configMaps, makeConfigMap('two'))).metadata
    expect(Number(resourceVersion)).toBeGreaterThan(Number(created.metadata.resourceVersion))
    const watch = client.watch(configMaps)[Symbol.asyncIterator]()
    await watch.next()
    expect(await stop(second, 'SIGTERM')).toBe(0)
    await serve()
    const { items } = await admin().list(configMaps, { namespace: 'default' })
    expect(items.map(({ metadata }) => metadata.name)).toEqual(['kube-root-ca.crt', 'one', 'two'])
  },
)

test.skipIf(ownAddress === undefined)(
  'a node can do what an agent needs with its credentials, and no more',
  { timeout: 60_000 },
  async () => {
    await serve()
    const out = join(dataDir, 'node-1')
    const flags = ['--name', 'node-1', '--address', '10.0.0.11', '--server', 'https://10.0.0.10:6443', '--out', out]
    expect(await run('issue-node', '--data-dir', dataDir, ...flags)).toEqual([0, ''])
    expect(readdirSync(out)).toEqual(expect.arrayContaining(['ca.crt', 'kubeconfig', 'server.crt', 'server.key']))
    const agent = clientOf(join(out, 'kubeconfig'))
    expect((await agent.create(nodes, { metadata: { name: 'node-1' } })).metadata.name).toBe('node-1')
    await expect(agent.create(nodes, { metadata: { name: 'node-2' } })).rejects.toThrow(
      'nodes "node-2" is forbidden: node "node-1" is not allowed to modify node "node-2"',
    )
    await expect(agent.create(configMaps, makeConfigMap('mine'))).rejects.toThrow('is forbidden')
  },
)

test.skipIf(ownAddress === undefined)(
  'a second control plane on the same data directory, or the same port, is refused in one line',
  { timeout: 60_000 },
  async () => {
    const first = await serve()
    expect(await run(...serveFlags())).toEqual([
      1,
      `control-plane: the data directory ${join(dataDir, 'store')} is in use by another process (pid ${first.pid})\n`,
    ])
    const other = mkdtempSync(join(root, 'data-'))
    const [code, stderr] = await run('serve', '--data-dir', other, '--port', String(port))
    expect([code, stderr]).toEqual([1, expect.stringMatching(/^control-plane: cannot listen on .* EADDRINUSE.*\n$/)])
  },
)

test('a data directory that cannot be used is refused in one line', async () => {
  const [code, stderr] = await run('serve', '--data-dir', '/dev/null', '--port', String(port))
  expect([code, stderr.split('\n').length]).toEqual([1, 2])
  expect(stderr).toMatch(/^control-plane: .*\/dev\/null/)
})

test('ranges that make no sense are refused in one line', async () => {
  const [code, stderr] = await run(...serveFlags(), '--cluster-cidr', '10.96.0.0/12')
  expect([code, stderr]).toEqual([
    1,
    'control-plane: --service-cidr 10.96.0.0/16 and --cluster-cidr 10.96.0.0/12 overlap: give Services and pods ranges of their own\n',
  ])
})
