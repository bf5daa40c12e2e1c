// The command as a process, against a server that answers as scripted.

import { execFile, spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { type WebSocket, WebSocketServer } from 'ws'
import { frame, unframe } from './channels.ts'

const open: (() => unknown)[] = []
afterEach(() => {
  for (const close of open.splice(0)) close()
})

const core = [
  { name: 'pods', singularName: 'pod', kind: 'Pod', namespaced: true, shortNames: ['po'], categories: ['all'] },
  { name: 'configmaps', singularName: 'configmap', kind: 'ConfigMap', namespaced: true, shortNames: ['cm'] },
]
const appsGroup = { name: 'apps', versions: [{ groupVersion: 'apps/v1', version: 'v1' }] }
const apps = [{ name: 'deployments', singularName: 'deployment', kind: 'Deployment', namespaced: true }]
const pod = {
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'web', namespace: 'default', uid: 'u', resourceVersion: '1', creationTimestamp: '' },
  spec: { containers: [{ name: 'main', ports: [{ name: 'http', containerPort: 8080 }] }, { name: 'side' }] },
}
const notFound = { kind: 'Status', code: 404, reason: 'NotFound', message: 'pods "nope" not found' }

interface Answers {
  answer?: (request: IncomingMessage, response: ServerResponse, body: string) => boolean
  upgrade?: (socket: WebSocket, request: IncomingMessage) => void
}

function answerJson(response: ServerResponse, body: object, status = 200): true {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
  return true
}

function answerUsual({ url = '' }: IncomingMessage, response: ServerResponse): true {
  const [path] = url.split('?')
  if (path === '/api/v1') return answerJson(response, { resources: core })
  if (path === '/apis') return answerJson(response, { groups: [] })
  if (path === '/api/v1/namespaces/default/pods/web') return answerJson(response, pod)
  return answerJson(response, notFound, 404)
}

/** A server, and how to run the command against it. */
async function start({ answer, upgrade }: Answers) {
  const server: Server = createServer((request, response) => {
    let body = ''
    request.on('data', (chunk: Buffer) => {
      body += chunk
    })
    request.on('end', () => answer?.(request, response, body) || answerUsual(request, response))
  })
  const sockets = new WebSocketServer({ noServer: true, handleProtocols: ([first = '']) => first })
  server.on('upgrade', (request, socket, head) => {
    sockets.handleUpgrade(request, socket, head, (webSocket) => upgrade?.(webSocket, request))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  open.push(
    () => server.close(),
    () => server.closeAllConnections(),
  )
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const kubeconfig = {
    'current-context': 'x',
    contexts: [{ name: 'x', context: { cluster: 'c' } }],
    clusters: [{ name: 'c', cluster: { server: url } }],
  }
  const folder = mkdtempSync(join(tmpdir(), 'fl-cli-'))
  open.push(() => rmSync(folder, { recursive: true }))
  writeFileSync(join(folder, 'config'), JSON.stringify(kubeconfig))
  return { program: [join(import.meta.dirname, 'main.ts'), '--kubeconfig', join(folder, 'config')] }
}

interface Result {
  code: number
  stdout: string
  stderr: string
}

function run(program: string[], args: string[], input = ''): Promise<Result> {
  return new Promise((resolve) => {
    const child = execFile(process.execPath, [...program, ...args], (error, stdout, stderr) => {
      resolve({ code: typeof error?.code === 'number' ? error.code : error === null ? 0 : -1, stdout, stderr })
    })
    child.stdin?.end(input)
  })
}

test('a rollout is followed over a server that has started anew and knows no changes since', async () => {
  const path = '/apis/apps/v1/namespaces/default/deployments'
  const deployment = (version: string, updatedReplicas: number) => ({
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'web', namespace: 'default', resourceVersion: version, generation: 1 },
    spec: { replicas: 1 },
    status: { observedGeneration: 1, replicas: 1, updatedReplicas, availableReplicas: updatedReplicas },
  })
  const expired = { kind: 'Status', code: 410, reason: 'Expired', message: 'too old resource version' }
  let reads = 0
  const { program } = await start({
    answer: ({ url = '' }, response) => {
      if (url === '/apis') return answerJson(response, { groups: [appsGroup] })
      if (url === '/apis/apps/v1') return answerJson(response, { resources: apps })
      if (url.startsWith(`${path}/web`)) return answerJson(response, deployment(`${++reads}`, reads - 1))
      if (!url.startsWith(path)) return false
      response.end(`${JSON.stringify({ type: 'ERROR', object: expired })}\n`)
      return true
    },
  })
  const { code, stdout } = await run(program, ['rollout', 'status', 'deployment/web'])
  expect(stdout).toMatch(/^Waiting for .*0 out of 1 new replicas.*\ndeployment "web" successfully rolled out\n$/)
  expect([code, reads]).toEqual([0, 2])
})

test("tables are the server's, also when watched", async () => {
  const table = (name: string, columns: object[]) => ({
    kind: 'Table',
    metadata: { resourceVersion: '5' },
    columnDefinitions: columns,
    rows: [{ cells: [name, 'Oddly'], object: { metadata: { name, resourceVersion: '6' } } }],
  })
  const columns = [{ name: 'Name' }, { name: 'How It Is' }]
  const { program } = await start({
    answer: ({ url = '', headers }, response) => {
      if (!url.startsWith('/api/v1/namespaces/default/pods')) return false
      if (!headers.accept?.includes('as=Table')) return answerJson(response, notFound, 406)
      if (!url.includes('watch=true')) return answerJson(response, table('web', columns))
      if (!url.includes('resourceVersion=5')) return answerJson(response, { ...notFound, message: 'done' }, 404)
      response.end(`${JSON.stringify({ type: 'MODIFIED', object: table('a-longer-name', []) })}\n`)
      return true
    },
  })
  expect(await run(program, ['get', 'po'])).toEqual({ code: 0, stderr: '', stdout: 'NAME   HOW IT IS\nweb    Oddly\n' })
  expect(await run(program, ['get', 'po', '-w'])).toMatchObject({
    stdout: 'NAME   HOW IT IS\nweb    Oddly\na-longer-name   Oddly\n',
    stderr: 'Error from server (NotFound): done\n',
  })
})

test('a template prints one object by its name, and several as a list', async () => {
  const { program } = await start({
    answer: ({ url }, response) =>
      url === '/api/v1/namespaces/default/pods' && answerJson(response, { kind: 'PodList', items: [pod] }),
  })
  const print = async (what: string, template: string) =>
    (await run(program, ['get', ...what.split(' '), '-o', `jsonpath=${template}`])).stdout
  expect(await print('pod web', '{.metadata.name}:{.spec.containers[*].name}')).toBe('web:main side')
  expect(await print('pod web', '.metadata.namespace')).toBe('default')
  expect(await print('pods', '{.kind} {range .items[*]}{.kind}/{.metadata.name}{"\\n"}{end}')).toBe('List Pod/web\n')
  expect(await print('pod/web pod/web', '{.items[*].metadata.uid}')).toBe('u u')
})

test('chosen columns and --sort-by see whole objects, in tables too', async () => {
  const podOn = (name: string, nodeName: string) => ({ ...pod, metadata: { name }, spec: { nodeName } })
  const items = [podOn('a', 'node-10'), podOn('b', 'node-2')]
  const { program } = await start({
    answer: ({ url = '', headers }, response) => {
      if (!url.startsWith('/api/v1/namespaces/default/pods')) return false
      if (!headers.accept?.includes('as=Table')) return answerJson(response, { kind: 'PodList', items })
      const rows = items.map((object) => ({
        cells: [object.metadata.name],
        object: url.includes('includeObject=Object') ? object : { metadata: object.metadata },
      }))
      return answerJson(response, { kind: 'Table', columnDefinitions: [{ name: 'Name' }], rows })
    },
  })
  const print = async (...args: string[]) => (await run(program, ['get', 'pods', ...args])).stdout
  expect(await print('-o', 'custom-columns=POD:.metadata.name,ON:.spec.nodeName')).toBe(
    'POD   ON\na     node-10\nb     node-2\n',
  )
  expect(await print('--sort-by=.spec.nodeName')).toBe('NAME\nb\na\n')
  expect(await print('--sort-by', 'spec.nodeName', '-o', 'jsonpath={.items[*].metadata.name}')).toBe('b a')
})

test('an output format that is unknown or cannot be read is refused before anything is asked', async () => {
  const { program } = await start({ answer: (_, response) => answerJson(response, notFound, 500) })
  expect(await run(program, ['get', 'pods', '-o', 'tables'])).toMatchObject({
    code: 1,
    stderr: expect.stringMatching(
      /output format "tables", allowed formats are: custom-columns,json,jsonpath,jsonpath-as-json,name,wide,yaml\n/,
    ),
  })
  expect(await run(program, ['get', 'pods', '-o', 'jsonpath={.kind'])).toMatchObject({
    code: 1,
    stderr: 'error: jsonpath "{.kind", character 1 ("{.kind"): what begins here has no }\n',
  })
})

test('what is not there is an error on stderr, with exit code 1', async () => {
  const { program } = await start({})
  expect(await run(program, ['get', 'pod', 'nope'])).toEqual({
    code: 1,
    stdout: '',
    stderr: 'Error from server (NotFound): pods "nope" not found\n',
  })
  expect(await run(program, ['get', 'gizmos'])).toMatchObject({
    code: 1,
    stderr: `error: the server doesn't have a resource type "gizmos"\n`,
  })
})

test('apply creates, then changes only what the manifest changed, then has nothing to do', async () => {
  let stored: Record<string, unknown> | undefined
  const patches: unknown[] = []
  const { program } = await start({
    answer: ({ method, url = '' }, response, body) => {
      if (!url.startsWith('/api/v1/namespaces/default/configmaps')) return false
      if (method === 'GET')
        return stored === undefined ? answerJson(response, notFound, 404) : answerJson(response, stored)
      const sent = JSON.parse(body)
      if (method === 'PATCH') patches.push(sent)
      const metadata = { ...sent.metadata, resourceVersion: String(patches.length + 1) }
      stored = method === 'POST' ? { ...sent, metadata } : { ...stored, ...sent, metadata }
      return answerJson(response, stored ?? {})
    },
  })
  const manifest = (value: string) => `apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\ndata: {a: "${value}"}\n`
  const apply = async (value: string) => (await run(program, ['apply', '-f', '-'], manifest(value))).stdout
  expect(await apply('1')).toBe('configmap/c created\n')
  expect(await apply('1')).toBe('configmap/c unchanged\n')
  expect(await apply('2')).toBe('configmap/c configured\n')
  expect(patches).toMatchObject([{ data: { a: '2' } }])
  expect(Object.keys(patches[0] as object).sort()).toEqual(['data', 'metadata'])
})

test('create with --dry-run=client prints the object and asks nothing of the server', async () => {
  const requests: (string | undefined)[] = []
  const { program } = await start({
    answer: ({ url }) => {
      requests.push(url)
      return false
    },
  })
  const args = ['create', 'service', 'nodeport', 'np', '--tcp', '80:8080', '--dry-run', 'client', '-o', 'yaml']
  const { code, stdout } = await run(program, args)
  expect({ code, requests }).toEqual({ code: 0, requests: [] })
  expect(stdout).toContain('type: NodePort')
})

test('exec passes input, output and the exit code of the command on', async () => {
  let asked = ''
  const { program } = await start({
    upgrade: (socket, { url = '' }) => {
      asked = url
      const chunks: Buffer[] = []
      socket.on('message', (message: Buffer) => {
        const { channel, data } = unframe(message)
        if (channel === 0) chunks.push(data)
        if (channel !== 255) return
        socket.send(frame(1, `out: ${Buffer.concat(chunks)}`))
        socket.send(frame(2, 'err'))
        const details = { causes: [{ reason: 'ExitCode', message: '7' }] }
        socket.send(frame(3, JSON.stringify({ status: 'Failure', reason: 'NonZeroExitCode', details })))
        socket.close()
      })
    },
  })
  expect(await run(program, ['exec', '-i', 'web', '-c', 'side', '--', 'cat', '-n'], 'hello')).toEqual({
    code: 7,
    stdout: 'out: hello',
    stderr: 'errcommand terminated with exit code 7\n',
  })
  expect(asked).toBe(
    '/api/v1/namespaces/default/pods/web/exec?command=cat&command=-n&container=side&stdout=true&stderr=true&stdin=true&tty=false',
  )
})

test('exec of a command that cannot be run, or in a container that is not there, says so', async () => {
  const { program } = await start({
    upgrade: (socket) => {
      socket.send(frame(3, JSON.stringify({ status: 'Failure', reason: 'InternalError', message: 'no such command' })))
      socket.close()
    },
  })
  expect(await run(program, ['exec', 'web', '--', 'x'])).toMatchObject({
    code: 1,
    stderr: 'Defaulted container "main" out of: main, side\nerror: no such command\n',
  })
  expect(await run(program, ['exec', 'web', '-c', 'none', '--', 'x'])).toMatchObject({
    code: 1,
    stderr: 'error: container none is not valid for pod web: it has main, side\n',
  })
})

test('logs asks for what the flags say and prints the bytes as they are', async () => {
  let asked = ''
  const { program } = await start({
    answer: ({ url = '' }, response) => {
      if (!url.includes('/log')) return false
      asked = url
      response.end('line 1\nline 2')
      return true
    },
  })
  const args = ['logs', 'web', '-c', 'main', '--tail', '2', '-p', '--since', '1m', '--timestamps']
  expect(await run(program, args)).toMatchObject({ code: 0, stdout: 'line 1\nline 2' })
  expect(asked).toContain('/pods/web/log?container=main&previous=true&timestamps=true&tailLines=2&sinceSeconds=60')
})

test('port-forward carries the bytes of each connection, both ways, to a named port', async () => {
  const asked: (string | undefined)[] = []
  const { program } = await start({
    upgrade: (socket, { url }) => {
      asked.push(url)
      for (const channel of [0, 1]) socket.send(frame(channel, Buffer.of(8080 % 256, 8080 >> 8)))
      socket.on('message', (message: Buffer) => socket.send(frame(0, `echo ${unframe(message).data}`)))
    },
  })
  const child = spawn(process.execPath, [...program, 'port-forward', 'web', ':http'])
  open.push(() => child.kill())
  const port = await new Promise<number>((resolve) =>
    child.stdout.on('data', (text: Buffer) => {
      const match = /Forwarding from 127\.0\.0\.1:(\d+) -> 8080/.exec(text.toString())
      if (match !== null) resolve(Number(match[1]))
    }),
  )
  const ask = (text: string) =>
    new Promise<string>((resolve) => {
      const socket = connect(port, '127.0.0.1', () => socket.write(text))
      socket.on('data', (data) => {
        resolve(data.toString())
        socket.destroy()
      })
    })
  expect(await Promise.all([ask('a'), ask('b')])).toEqual(['echo a', 'echo b'])
  expect(asked).toEqual(Array(2).fill('/api/v1/namespaces/default/pods/web/portforward?ports=8080'))
})
