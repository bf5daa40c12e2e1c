import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, expect, test } from 'vitest'
import type { Pod } from '../generated/types.ts'
import type { ApiObject } from '../objects/object.ts'
import { isGone, isNotFound, notFound, StatusError } from '../objects/status-error.ts'
import { nodes } from '../resources/nodes.ts'
import { pods } from '../resources/pods.ts'
import { HttpClient } from './http-client.ts'
import { readAll } from './read-body.ts'
import { TlsTransport } from './tls-transport.ts'

type Answer = (request: IncomingMessage & { text: string }, response: ServerResponse) => void

const open: { close(): unknown }[] = []
afterEach(async () => {
  for (const thing of open.splice(0).reverse()) await thing.close()
})

async function clientOf(answer: Answer, prefix = ''): Promise<HttpClient> {
  const server: Server = createServer((request, response) => {
    void readAll(request).then((text) => answer(Object.assign(request, { text }), response))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  const transport = new TlsTransport({ server: `http://127.0.0.1:${port}${prefix}`, token: 'secret' })
  open.push({ close: () => server.closeAllConnections() }, server, transport)
  return new HttpClient(transport)
}

const answerJson = (response: ServerResponse, body: object, status = 200) => {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
}
const echo: Answer = ({ method, url, headers, text }, response) =>
  answerJson(response, { method, url, type: headers['content-type'], auth: headers.authorization, body: text })
async function drain<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = []
  for await (const item of items) all.push(item)
  return all
}

const pod = (name: string, resourceVersion = '1') => ({
  metadata: { name, namespace: 'default', uid: name, resourceVersion, creationTimestamp: '2026-01-01T00:00:00Z' },
})

test('requests carry the path, the token and the body that the API asks for', async () => {
  const client = await clientOf(echo, '/proxied')
  const object: Pod = { metadata: { name: 'web', namespace: 'a b' } }
  expect(await client.get(pods, { namespace: 'default', name: 'web' })).toMatchObject({
    method: 'GET',
    url: '/proxied/api/v1/namespaces/default/pods/web',
    auth: 'Bearer secret',
  })
  expect(await client.create(pods, object, { dryRun: true, fieldManager: 'me' })).toMatchObject({
    method: 'POST',
    url: '/proxied/api/v1/namespaces/a%20b/pods?dryRun=All&fieldManager=me',
    type: 'application/json',
    body: JSON.stringify({ ...object, apiVersion: 'v1', kind: 'Pod' }),
  })
  expect(await client.update(pods, object, { subresource: 'status' })).toMatchObject({
    method: 'PUT',
    url: '/proxied/api/v1/namespaces/a%20b/pods/web/status',
  })
  const patched = await client.patch(nodes, { name: 'n1' }, 'application/merge-patch+json', { spec: {} })
  expect(patched).toMatchObject({ method: 'PATCH', url: '/proxied/api/v1/nodes/n1', body: '{"spec":{}}' })
  expect(patched).toMatchObject({ type: 'application/merge-patch+json' })
  expect(await client.createSubresource(pods, { namespace: 'a', name: 'web' }, 'binding', {})).toMatchObject({
    method: 'POST',
    url: '/proxied/api/v1/namespaces/a/pods/web/binding',
  })
})

test('a list gives each item its kind and tells where the next page starts', async () => {
  let asked = ''
  const client = await clientOf(({ url = '' }, response) => {
    asked = url
    answerJson(response, { metadata: { resourceVersion: '7', continue: 'next' }, items: [pod('web')] })
  })
  const list = await client.list(pods, { labelSelector: 'a in (b,c)', limit: 1 })
  expect(asked).toBe('/api/v1/pods?labelSelector=a%20in%20(b%2Cc)&limit=1')
  expect(list).toEqual({
    resourceVersion: '7',
    continue: 'next',
    items: [{ apiVersion: 'v1', kind: 'Pod', ...pod('web') }],
  })
})

test('what the server refuses is thrown as the Status that it sent', async () => {
  const missing = notFound(pods, 'web')
  const client = await clientOf((_, response) => answerJson(response, missing.status, 404))
  const error = await client.get(pods, { namespace: 'default', name: 'web' }).catch((error: unknown) => error)
  expect(isNotFound(error)).toBe(true)
  expect(error).toMatchObject({ message: 'pods "web" not found', status: { details: { name: 'web' } } })
})

test('an answer that is no Status keeps its code and its text', async () => {
  const client = await clientOf((_, response) => response.writeHead(502).end('bad gateway\n'))
  const error = await client.list(pods).catch((error: unknown) => error)
  expect(error).toBeInstanceOf(StatusError)
  expect(error).toMatchObject({ message: 'bad gateway', status: { code: 502 } })
})

test('delete sends its options and needs nothing of the answer', async () => {
  let body = ''
  const client = await clientOf(({ text }, response) => {
    body = text
    response.end()
  })
  await client.delete(pods, { namespace: 'default', name: 'web' }, { gracePeriodSeconds: 0 })
  expect(JSON.parse(body)).toEqual({ apiVersion: 'v1', kind: 'DeleteOptions', gracePeriodSeconds: 0 })
})

test('a watch yields events however the stream is cut into chunks, and ends with it', async () => {
  const events = [
    { type: 'ADDED', object: { ...pod('wéb'), status: { message: '→'.repeat(200) } } },
    { type: 'BOOKMARK', object: pod('', '9') },
  ]
  const bytes = Buffer.from(events.map((event) => `${JSON.stringify(event)}\n`).join(''))
  let query = new URLSearchParams()
  const client = await clientOf(async ({ url = '' }, response) => {
    query = new URL(url, 'http://x').searchParams
    for (let at = 0; at < bytes.length; at += 7) {
      response.write(bytes.subarray(at, at + 7))
      await new Promise(setImmediate)
    }
    response.end()
  })
  const seen: unknown[] = []
  for await (const event of client.watch(pods, { resourceVersion: '3', namespace: 'default' })) seen.push(event)
  expect(seen).toEqual(events)
  expect(query.get('watch')).toBe('true')
  expect(query.get('resourceVersion')).toBe('3')
  expect(query.get('allowWatchBookmarks')).toBe('true')
})

test('an ERROR event of a watch is thrown', async () => {
  const status = { kind: 'Status', code: 410, reason: 'Expired', message: 'too old resource version' }
  const client = await clientOf((_, response) => response.end(`${JSON.stringify({ type: 'ERROR', object: status })}\n`))
  const error = await drain(client.watch(pods)).catch((error: unknown) => error)
  expect(isGone(error)).toBe(true)
})

test('a watch ends quietly when it is aborted, before or during', async () => {
  const client = await clientOf((_, response) =>
    response.write(`${JSON.stringify({ type: 'ADDED', object: pod('a') })}\n`),
  )
  const stop = new AbortController()
  const seen: string[] = []
  for await (const { object } of client.watch(pods, { signal: stop.signal })) {
    seen.push(object.metadata.name)
    stop.abort()
  }
  for await (const { object } of client.watch(pods, { signal: stop.signal })) seen.push(object.metadata.name)
  expect(seen).toEqual(['a'])
})

test('leaving a watch early ends the request', async () => {
  const closed = Promise.withResolvers<void>()
  const client = await clientOf((_, response) => {
    response.on('close', closed.resolve)
    response.write(`${JSON.stringify({ type: 'ADDED', object: pod('a') })}\n`)
  })
  for await (const _ of client.watch(pods)) break
  await closed.promise
})

test('a watch whose connection breaks throws', async () => {
  const client = await clientOf((_, response) => {
    response.write(`${JSON.stringify({ type: 'ADDED', object: pod('a') })}\n`)
    setImmediate(() => response.destroy())
  })
  await expect(drain(client.watch(pods))).rejects.toThrow()
})

test('a signal aborts a request that is under way', async () => {
  const stop = new AbortController()
  const client = await clientOf(() => stop.abort())
  const error = await client.list<ApiObject>(pods, { signal: stop.signal }).catch((error: unknown) => error)
  expect(error).toMatchObject({ name: 'AbortError' })
})
