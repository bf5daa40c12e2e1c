// /openapi/v2 and /openapi/v3: what kubectl explain and kubectl's validation read. Made from the generated definitions
// when somebody asks, which is seldom; nothing stays in memory but the hash, and version 2 as protobuf once kubectl asked.

import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { noSuchPath } from '../../api/objects/status-error.ts'
import { pathOf, type Resource } from '../../api/resources/resource.ts'
import type { Catalog } from './catalog.ts'
import type { ApiRequest, ApiResponse } from './exchange.ts'
import { parseMediaRange } from './negotiation.ts'
import { type DocumentV2, encodeDocument, type OperationV2, type SchemaV2 } from './protobuf/openapi-document.ts'

type Definitions = Record<string, SchemaV2>

/** Beside the built program, or where the generator wrote it when the sources run. */
const source = ['openapi.json', '../../api/generated/openapi.json']
  .map((path) => new URL(path, import.meta.url))
  .find((url) => existsSync(url))
let sourceHash: Promise<string> | undefined

/** Answers OpenAPI paths; undefined for others. */
export async function answerOpenApi({ url, headers }: ApiRequest, catalog: Catalog): Promise<ApiResponse | undefined> {
  const path = url.pathname.replace(/\/$/, '')
  if (path === '/openapi/v2') return await answerV2(catalog, headers.accept)
  if (path === '/openapi/v3') return respond(await indexV3(catalog))
  if (!path.startsWith('/openapi/v3/')) return undefined
  const [root, group, version] = path.slice('/openapi/v3/'.length).split('/')
  const rows = root === 'api' ? catalog.in('', group ?? '') : catalog.in(group ?? '', version ?? '')
  if (rows.length === 0) throw noSuchPath()
  return respond(await documentV3(rows))
}

/** As clients ask for it, and as it is told: "@" cannot stand in a media type. */
const protobufType = /^application\/com\.github\.proto-openapi\.spec\.v2[@.]v1\.0\+protobuf$/
const protobufTold = 'application/com.github.proto-openapi.spec.v2.v1.0+protobuf'
let encoded: { served: string; body: Buffer } | undefined

async function answerV2(catalog: Catalog, accept = ''): Promise<ApiResponse> {
  const [first = ''] = accept.split(',')
  if (!protobufType.test(parseMediaRange(first).type)) return respond(await documentV2(catalog))
  const served = describeServed(catalog)
  if (encoded?.served !== served) encoded = { served, body: encodeDocument(await documentV2(catalog)) }
  return { status: 200, headers: { 'content-type': protobufTold }, body: encoded.body }
}

/** Changes with the kinds that are served. */
function describeServed(catalog: Catalog): string {
  return catalog
    .all()
    .map(({ definition, subresources }) => `${definition}:${subresources.join()};`)
    .join('')
}

const info = { title: 'Kubernetes', version: 'v1.35.0+fairlead' }

async function readSource(): Promise<string> {
  if (source === undefined) throw new Error('openapi.json is missing beside this program: build it again')
  return await readFile(source, 'utf8')
}

async function readDefinitions(): Promise<Definitions> {
  return JSON.parse(await readSource())
}

async function documentV2(catalog: Catalog): Promise<DocumentV2> {
  const definitions = await readDefinitions()
  const all = pickReachable(definitions, catalog.all().flatMap(rootsOf))
  const paths = Object.assign({}, ...catalog.all().map((row) => pathsOf(row, operationV2)))
  return { swagger: '2.0', info, paths, definitions: withRefs(all, '#/definitions/') }
}

async function documentV3(rows: readonly Resource[]) {
  const picked = pickReachable(await readDefinitions(), rows.flatMap(rootsOf))
  const paths = Object.assign({}, ...rows.map((row) => pathsOf(row, operationV3)))
  return { openapi: '3.0.0', info, paths, components: { schemas: withRefs(picked, '#/components/schemas/') } }
}

async function indexV3(catalog: Catalog) {
  sourceHash ??= readSource().then((text) => createHash('sha256').update(text).digest('hex'))
  const hash = createHash('sha256').update(await sourceHash)
  hash.update(describeServed(catalog))
  const etag = hash.digest('hex').toUpperCase()
  const names = [...catalog.groups()].flatMap(([group, versions]) =>
    versions.map((version) => (group === '' ? `api/${version}` : `apis/${group}/${version}`)),
  )
  const paths = Object.fromEntries(
    names.map((name) => [name, { serverRelativeURL: `/openapi/v3/${name}?hash=${etag}` }]),
  )
  return { paths }
}

const rootsOf = ({ definition, subresources }: Resource) => [
  definition,
  'io.k8s.apimachinery.pkg.apis.meta.v1.DeleteOptions',
  'io.k8s.apimachinery.pkg.apis.meta.v1.Status',
  ...(subresources.includes('scale') ? ['io.k8s.api.autoscaling.v1.Scale'] : []),
]

function pickReachable(definitions: Definitions, roots: readonly string[]): Definitions {
  const picked: Definitions = {}
  const waiting = [...roots]
  for (let name = waiting.pop(); name !== undefined; name = waiting.pop()) {
    const schema = definitions[name]
    if (schema === undefined || picked[name] !== undefined) continue
    picked[name] = schema
    for (const [, next = ''] of JSON.stringify(schema).matchAll(/"\$ref":"([^"]+)"/g)) waiting.push(next)
  }
  return picked
}

/** The generated file refers to definitions by their bare names. */
function withRefs(definitions: Definitions, prefix: string): Definitions {
  const isV3 = prefix.startsWith('#/components')
  const text = JSON.stringify(definitions)
  // In version 3 what stands beside a $ref is ignored by readers, so the reference is wrapped.
  return JSON.parse(
    isV3
      ? text.replace(/"\$ref":"([^"]+)"/g, `"allOf":[{"$ref":"${prefix}$1"}]`)
      : text.replace(/"\$ref":"([^"]+)"/g, `"$ref":"${prefix}$1"`),
  )
}

type Operation = (row: Resource, action: string) => object

function operationV2({ group, version, kind }: Resource, action: string): OperationV2 {
  const parameters = action === 'patch' || action === 'post' || action === 'put' ? queryParameters : []
  return {
    parameters: parameters.map((name) => ({ name, in: 'query', type: 'string', uniqueItems: true })),
    responses: { 200: { description: 'OK' } },
    'x-kubernetes-action': action,
    'x-kubernetes-group-version-kind': { group, version, kind },
  }
}

function operationV3({ group, version, kind, definition }: Resource, action: string): object {
  const parameters = action === 'patch' || action === 'post' || action === 'put' ? queryParameters : []
  const schema = { $ref: `#/components/schemas/${definition}` }
  return {
    parameters: parameters.map((name) => ({ name, in: 'query', schema: { type: 'string', uniqueItems: true } })),
    responses: { 200: { description: 'OK', content: { 'application/json': { schema } } } },
    'x-kubernetes-action': action,
    'x-kubernetes-group-version-kind': { group, version, kind },
  }
}

/** kubectl sends fieldValidation only to servers that name it. */
const queryParameters = ['dryRun', 'fieldManager', 'fieldValidation']

function pathsOf(row: Resource, operation: Operation): Record<string, object> {
  const namespace = row.namespaced ? '{namespace}' : undefined
  const collection = decodeURIComponent(pathOf(row, { namespace }))
  if (row.verbs !== undefined) return { [collection]: { post: operation(row, 'post') } }
  return {
    [collection]: {
      get: operation(row, 'list'),
      post: operation(row, 'post'),
      delete: operation(row, 'deletecollection'),
    },
    [`${collection}/{name}`]: {
      get: operation(row, 'get'),
      put: operation(row, 'put'),
      patch: operation(row, 'patch'),
      delete: operation(row, 'delete'),
    },
    ...(row.namespaced && { [decodeURIComponent(pathOf(row))]: { get: operation(row, 'list') } }),
  }
}

function respond(value: object): ApiResponse {
  return { status: 200, headers: { 'content-type': 'application/json' }, body: JSON.stringify(value) }
}
