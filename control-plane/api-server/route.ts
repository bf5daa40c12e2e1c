// From a path to what it is about. https://kubernetes.io/docs/reference/using-api/api-concepts/#resource-uris

import { methodNotAllowed, noSuchPath } from '../../api/objects/status-error.ts'
import type { Resource } from '../../api/resources/resource.ts'
import type { Catalog } from './catalog.ts'

/** A request for a resource. */
export interface Route {
  resource: Resource
  verb: string
  /** Empty for all namespaces and for cluster-scoped kinds. */
  namespace: string
  /** Empty for the collection. */
  name: string
  subresource: string
  /** What follows the subresource: a path for proxies. */
  tail: string
}

/** The route of a resource path, or undefined for other paths. Throws 404 for resources nobody serves. */
export function parseRoute(method: string, url: URL, catalog: Catalog): Route | undefined {
  const parts = url.pathname.split('/').slice(1).map(decodePart)
  if (parts.at(-1) === '') parts.pop()
  const [root = ''] = parts
  const depth = root === 'api' ? 2 : root === 'apis' ? 3 : Number.POSITIVE_INFINITY
  if (parts.length <= depth) return undefined
  const group = root === 'api' ? '' : (parts[1] ?? '')
  const version = parts[depth - 1] ?? ''
  const { namespace, rest } = splitScope(parts.slice(depth), catalog, group, version)
  const [plural = '', name = '', subresource = '', ...tail] = rest
  const resource = catalog.find(group, version, plural)
  if (resource === undefined || (namespace !== '' && !resource.namespaced)) throw noSuchPath()
  if (subresource !== '' && !resource.subresources.some((known) => known === subresource)) throw noSuchPath()
  const route = { resource, namespace, name, subresource, tail: tail.join('/') }
  return { ...route, verb: verbOf(method, url, route) }
}

/** namespaces/x is a Namespace, namespaces/x/status its status, namespaces/x/pods a collection in it. */
function splitScope(parts: string[], catalog: Catalog, group: string, version: string) {
  const [first, namespace = '', third] = parts
  const isScope = first === 'namespaces' && third !== undefined
  const own = catalog.find(group, version, 'namespaces')?.subresources.some((name) => name === third) === true
  return isScope && !own ? { namespace, rest: parts.slice(2) } : { namespace: '', rest: parts }
}

function verbOf(method: string, url: URL, { name, subresource }: { name: string; subresource: string }): string {
  const isWatch = ['true', '1'].includes(url.searchParams.get('watch') ?? '')
  switch (method) {
    case 'GET':
    case 'HEAD':
      if (isWatch && subresource === '') return 'watch'
      return name === '' ? 'list' : 'get'
    case 'POST':
      if (name !== '' && subresource === '') throw methodNotAllowed(method)
      return 'create'
    case 'PUT':
    case 'PATCH':
      if (name === '') throw methodNotAllowed(method)
      return method === 'PUT' ? 'update' : 'patch'
    case 'DELETE':
      return name === '' ? 'deletecollection' : 'delete'
    default:
      throw methodNotAllowed(method)
  }
}

function decodePart(part: string): string {
  try {
    return decodeURIComponent(part)
  } catch {
    throw noSuchPath() // not a path that any client of ours makes
  }
}
