// What a request is about, from its method and path alone, as authorization needs it.
// https://kubernetes.io/docs/reference/access-authn-authz/authorization/#review-your-request-attributes

import { type FieldRequirement, parseFieldSelector } from '../../../api/objects/field-selectors.ts'

/** A request for objects. */
export interface ResourceAttributes {
  verb: string
  group: string
  /** "" for cluster-scoped kinds and for all namespaces. */
  namespace: string
  resource: string
  /** "" for the object itself. */
  subresource: string
  /** "" for the collection. */
  name: string
}

/** Any other request, such as for /version. */
export interface PathAttributes {
  verb: string
  path: string
}

/** What somebody wants to do. */
export type Attributes = ResourceAttributes | PathAttributes

const verbs: Record<string, [ofObject: string, ofCollection: string]> = {
  GET: ['get', 'list'],
  HEAD: ['get', 'list'],
  POST: ['create', 'create'],
  PUT: ['update', 'update'],
  PATCH: ['patch', 'patch'],
  DELETE: ['delete', 'deletecollection'],
}

/** Reads them. */
export function readAttributes(method: string, url: URL): Attributes {
  const path = { verb: method.toLowerCase(), path: url.pathname }
  const segments = decodeSegments(url.pathname)
  const root = segments[0]
  // Discovery: /api, /api/v1, /apis, /apis/apps, /apis/apps/v1.
  const skip = root === 'api' ? 2 : root === 'apis' ? 3 : Number.POSITIVE_INFINITY
  if (segments.length <= skip) return path
  const group = root === 'apis' ? (segments[1] ?? '') : ''
  const { namespace, parts } = splitNamespace(segments.slice(skip))
  const [resource = '', name = '', subresource = ''] = parts
  const verb = verbOf(method, url, name)
  return { verb, group, namespace, resource, subresource, name: name === '' ? selectedName(verb, url) : name }
}

/** The one object that a list or watch asks for by its field selector; "" if it asks for more. */
function selectedName(verb: string, { searchParams }: URL): string {
  if (!['list', 'watch', 'deletecollection'].includes(verb)) return ''
  const isName = ({ path, op }: FieldRequirement) => path === 'metadata.name' && op === '='
  return readSelector(searchParams.get('fieldSelector') ?? '').find(isName)?.value ?? ''
}

/** As the filter of the list reads it: what it takes for a part of a value must not count as a name here. */
function readSelector(text: string): FieldRequirement[] {
  try {
    return parseFieldSelector(text)
  } catch {
    return [] // refused later, by whoever makes the list
  }
}

/** /namespaces/x is an object; /namespaces/x/pods is in it, but for its own subresources. */
function splitNamespace(parts: string[]): { namespace: string; parts: string[] } {
  const [first, namespace = '', third] = parts
  const isInside = first === 'namespaces' && third !== undefined && third !== 'status' && third !== 'finalize'
  if (isInside) return { namespace, parts: parts.slice(2) }
  return { namespace: first === 'namespaces' ? namespace : '', parts }
}

function verbOf(method: string, url: URL, name: string): string {
  const [ofObject, ofCollection] = verbs[method] ?? [method.toLowerCase(), method.toLowerCase()]
  const watch = url.searchParams.get('watch')
  if (ofCollection === 'list' && (watch === 'true' || watch === '1')) return 'watch'
  return name === '' ? ofCollection : ofObject
}

/** Segments with %xx undone; an empty one at the end does not count. */
function decodeSegments(pathname: string): string[] {
  const segments = pathname.split('/').slice(1)
  if (segments.at(-1) === '') segments.pop()
  return segments.map(decodeSegment)
}

/** What is not UTF-8 stays as it is: no object has such a name, but what follows "proxy" may be any bytes. */
function decodeSegment(segment: string): string {
  try {
    return decodeURIComponent(segment)
  } catch {
    return segment
  }
}
