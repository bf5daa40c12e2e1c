// How objects look to a client: themselves, a table for kubectl get, or their metadata alone.

import { stringify as stringifyYaml } from 'yaml'
import type { ApiObject, Stored } from '../../api/objects/object.ts'
import { badRequest } from '../../api/objects/status-error.ts'
import { apiVersionOf, type Resource } from '../../api/resources/resource.ts'
import type { CachedObject } from './cached-object.ts'
import { type Accepted, parseAccept } from './negotiation.ts'
import { columnDefinitions, type IncludeObject, toRow } from './table-rows.ts'

/** What a list says of itself. */
export interface ListMeta {
  resourceVersion: string
  continue?: string
  remainingItemCount?: number
}

/** Writes objects of one kind as JSON for one client. */
export interface View {
  /** True if objects go out as they are, so that their text can be shared. */
  readonly isPlain: boolean
  one(object: CachedObject): string
  list(objects: readonly CachedObject[], meta: ListMeta): string
  /** An object inside a watch event; a view of tables names its columns the first time only. */
  inEvent(object: CachedObject): string
  /** What a bookmark carries. */
  bookmark(metadata: object): string
}

/** The view that a request asks for. Throws 406. */
export function makeView(resource: Resource, accept: string | undefined, url: URL): { view: View; accepted: Accepted } {
  const accepted = parseAccept(accept)
  const { as, version } = accepted
  const apiVersion = `meta.k8s.io/${version}`
  if (as === undefined) return { accepted, view: plainView(resource) }
  if (as === 'Table') return { accepted, view: tableView(resource, apiVersion, includeObjectOf(url)) }
  return { accepted, view: metadataView(apiVersion) }
}

/** The text in the accepted format, and its content type. */
export function render(json: string, { format }: Accepted): { text: string; contentType: string } {
  if (format === 'json') return { text: json, contentType: 'application/json' }
  return { text: stringifyYaml(JSON.parse(json)), contentType: 'application/yaml' }
}

function plainView(resource: Resource): View {
  const kinds = { kind: resource.kind, apiVersion: apiVersionOf(resource) }
  const head = JSON.stringify({ ...kinds, kind: `${resource.kind}List` }).slice(0, -1)
  return {
    isPlain: true,
    one: ({ text }) => text,
    inEvent: ({ text }) => text,
    list: (objects, meta) =>
      `${head},"metadata":${JSON.stringify(meta)},"items":[${objects.map(({ text }) => text).join(',')}]}`,
    bookmark: (metadata) => JSON.stringify({ ...kinds, metadata }),
  }
}

function metadataView(apiVersion: string): View {
  const one = ({ object }: CachedObject) => JSON.stringify(toPartial(apiVersion, object))
  return {
    isPlain: false,
    one,
    inEvent: one,
    list: (objects, metadata) =>
      JSON.stringify({
        kind: 'PartialObjectMetadataList',
        apiVersion,
        metadata,
        items: objects.map(({ object }) => toPartial(apiVersion, object)),
      }),
    bookmark: (metadata) => JSON.stringify({ kind: 'PartialObjectMetadata', apiVersion, metadata }),
  }
}

function tableView(resource: Resource, apiVersion: string, include: IncludeObject): View {
  const columns = columnDefinitions(resource)
  let namedColumns = false
  const table = (objects: readonly CachedObject[], metadata: object, withColumns = true) => {
    const nowMs = Date.now()
    return JSON.stringify({
      kind: 'Table',
      apiVersion,
      metadata,
      columnDefinitions: withColumns ? columns : [],
      rows: objects.map(({ object }) => toRow(resource, object, { include, nowMs, apiVersion })),
    })
  }
  const metaOf = ({ revision }: CachedObject) => ({ resourceVersion: String(revision) })
  return {
    isPlain: false,
    one: (object) => table([object], metaOf(object)),
    list: table,
    inEvent: (object) => {
      const text = table([object], metaOf(object), !namedColumns)
      namedColumns = true
      return text
    },
    bookmark: (metadata) => table([], metadata, false),
  }
}

function toPartial(apiVersion: string, { metadata }: Stored<ApiObject>) {
  return { kind: 'PartialObjectMetadata', apiVersion, metadata }
}

function includeObjectOf({ searchParams }: URL): IncludeObject {
  const asked = searchParams.get('includeObject') ?? ''
  if (asked === '') return 'Metadata'
  if (asked === 'None' || asked === 'Metadata' || asked === 'Object') return asked
  throw badRequest(`unrecognized includeObject value: '${asked}'`)
}
