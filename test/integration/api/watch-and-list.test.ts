import { afterEach, beforeEach, expect, test } from 'vitest'
import type { WatchEvent } from '../../../api/client/client.ts'
import { readAll, readLines } from '../../../api/client/read-body.ts'
import type { ConfigMap } from '../../../api/generated/types.ts'
import { isGone } from '../../../api/objects/status-error.ts'
import { configMaps } from '../../../api/resources/config-maps.ts'
import { namespaces } from '../../../api/resources/namespaces.ts'
import { MemoryStore } from '../../../control-plane/store/memory-store.ts'
import { startApiServer, type TestApiServer } from '../../support/start-api-server.ts'

let server: TestApiServer
beforeEach(async () => {
  server = await startApiServer({ bookmarkMs: 50 })
})
afterEach(() => server.close())

const make = (name: string, labels: Record<string, string> = {}) =>
  server.client.create(configMaps, { metadata: { namespace: 'default', name, labels } })

const label = (name: string, labels: Record<string, string | null>) =>
  server.client.patch(configMaps, { namespace: 'default', name }, 'application/merge-patch+json', {
    metadata: { labels },
  })

async function take(events: AsyncIterable<WatchEvent<ConfigMap>>, count: number): Promise<string[]> {
  const seen: string[] = []
  for await (const { type, object } of events) {
    if (type !== 'BOOKMARK') seen.push(`${type} ${object.metadata.name}`)
    if (seen.length === count) break
  }
  return seen
}

async function raw(path: string, accept = 'application/json', method = 'GET', body?: string) {
  const headers = { accept, 'content-type': 'application/json' }
  const response = await server.transport.send({ method, path, headers, ...(body !== undefined && { body }) })
  return { status: response.status, headers: response.headers, text: await readAll(response.body) }
}

test('a watch from a list sees each later change once, in order', async () => {
  await make('before')
  const { resourceVersion } = await server.client.list(configMaps)
  await make('a')
  await label('a', { x: '1' })
  await server.client.delete(configMaps, { namespace: 'default', name: 'a' })
  const watch = server.client.watch(configMaps, { resourceVersion })
  expect(await take(watch, 3)).toEqual(['ADDED a', 'MODIFIED a', 'DELETED a'])
})

test('what leaves the selection of a watch is deleted for it, what enters is added', async () => {
  const { resourceVersion } = await server.client.list(configMaps)
  const seen = take(server.client.watch(configMaps, { resourceVersion, labelSelector: 'on=yes' }), 3)
  await make('a', { on: 'yes' })
  await label('a', { on: null })
  await make('b')
  await label('b', { on: 'yes' })
  expect(await seen).toEqual(['ADDED a', 'DELETED a', 'ADDED b'])
})

test('a watch without a resourceVersion begins with the present state', async () => {
  await make('a')
  await make('b')
  const watch = server.client.watch(configMaps, { namespace: 'default' })
  expect(await take(watch, 2)).toEqual(['ADDED a', 'ADDED b'])
})

test('bookmarks carry the newest revision of the whole store', async () => {
  const { resourceVersion } = await server.client.list(configMaps)
  const { metadata } = await server.client.create(namespaces, { metadata: { name: 'elsewhere' } })
  for await (const { type, object } of server.client.watch(configMaps, { resourceVersion })) {
    expect(type).toBe('BOOKMARK')
    if (Number(object.metadata.resourceVersion) >= Number(metadata.resourceVersion)) break
  }
})

test('the initial events of a watch list end with a marked bookmark', async () => {
  await make('a')
  const query = 'watch=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true'
  const headers = { accept: 'application/json' }
  const path = `/api/v1/namespaces/default/configmaps?${query}`
  const response = await server.transport.send({ method: 'GET', path, headers })
  const lines: { type: string; object: ConfigMap }[] = []
  for await (const line of readLines(response.body)) {
    lines.push(JSON.parse(line))
    if (lines.length === 2) break
  }
  expect(lines.map(({ type }) => type)).toEqual(['ADDED', 'BOOKMARK'])
  expect(lines[1]?.object.metadata?.annotations).toEqual({ 'k8s.io/initial-events-end': 'true' })
})

test('a watch from before the server began is told to list again', async () => {
  const store = new MemoryStore()
  await store.create(
    '/registry/configmaps/default/old',
    JSON.stringify({ metadata: { namespace: 'default', name: 'old' } }),
  )
  const restarted = await startApiServer({ store })
  const watch = restarted.client.watch(configMaps, { resourceVersion: '1' })
  await expect(take(watch, 1)).rejects.toSatisfy(isGone)
  await restarted.close()
})

test('pages are of one moment, whatever happens between them', async () => {
  for (const name of ['a', 'b', 'c', 'd', 'e']) await make(name)
  const first = await server.client.list(configMaps, { namespace: 'default', limit: 2 })
  await make('bb')
  await server.client.delete(configMaps, { namespace: 'default', name: 'e' })
  const second = await server.client.list(configMaps, { namespace: 'default', limit: 9, continue: first.continue })
  const names = [...first.items, ...second.items].map(({ metadata }) => metadata.name)
  expect(names).toEqual(['a', 'b', 'c', 'd', 'e'])
  expect(second.continue).toBeUndefined()
})

test('a page of a forgotten moment is refused, with a token for the rest as it is now', async () => {
  for (const name of ['a', 'b', 'c']) await make(name)
  const first = await server.client.list(configMaps, { namespace: 'default', limit: 1 })
  await make('d')
  await server.store.compact(await server.store.revision())
  const path = '/api/v1/namespaces/default/configmaps?continue='
  const refused = await raw(path + first.continue)
  expect(refused.status).toBe(410)
  const rest = await raw(path + JSON.parse(refused.text).metadata.continue)
  const { items }: { items: { metadata: { name: string } }[] } = JSON.parse(rest.text)
  expect(items.map(({ metadata }) => metadata.name)).toEqual(['b', 'c', 'd'])
})

test('kubectl get receives a table with ages', async () => {
  await make('a')
  const accept = 'application/json;as=Table;v=v1;g=meta.k8s.io,application/json'
  const { text } = await raw('/api/v1/namespaces/default/configmaps', accept)
  const table: { kind: string; rows: { cells: unknown[]; object: { kind: string } }[] } = JSON.parse(text)
  expect(table.kind).toBe('Table')
  expect(table.rows[0]?.cells[0]).toBe('a')
  expect(table.rows[0]?.object.kind).toBe('PartialObjectMetadata')
})

test.each([
  ['GET', '/api/v1/pods?fieldSelector=spec.foo=x', '', 400, 'field label not supported: spec.foo'],
  ['GET', '/api/v1/nothings', '', 404, 'could not find the requested resource'],
  ['POST', '/api/v1/namespaces/default/configmaps', '{', 400, 'not valid JSON'],
  ['POST', '/api/v1/namespaces/default/configmaps', '{"kind":"Pod"}', 400, 'is not ConfigMap'],
  ['POST', '/api/v1/namespaces/default/configmaps', '{"metadata":{"namespace":"x"}}', 400, 'namespace'],
  [
    'POST',
    '/api/v1/namespaces/default/configmaps?fieldValidation=Strict',
    '{"metadata":{"name":"a"},"dat":{}}',
    400,
    'unknown field "dat"',
  ],
  [
    'PUT',
    '/api/v1/namespaces/default/configmaps/a',
    '{"metadata":{"name":"b"}}',
    400,
    'does not match the name on the URL',
  ],
  ['POST', '/api/v1/namespaces/default/configmaps', '{"metadata":{"name":"A_"}}', 422, 'metadata.name'],
])('%s %s with %s is refused with %d', async (method, path, body, status, words) => {
  const answer = await raw(path, 'application/json', method, body)
  expect(answer.status).toBe(status)
  expect(JSON.parse(answer.text).message).toContain(words)
})

test('an object of two megabytes is refused with a Status, an unknown Accept with 406', async () => {
  const big = JSON.stringify({ metadata: { name: 'big', annotations: {} }, data: { a: 'x'.repeat(2_000_000) } })
  const answer = await raw('/api/v1/namespaces/default/configmaps', 'application/json', 'POST', big)
  expect([413, 422]).toContain(answer.status)
  expect(JSON.parse(answer.text).kind).toBe('Status')
  expect((await raw('/api/v1/namespaces/default/configmaps', 'text/csv')).status).toBe(406)
})
