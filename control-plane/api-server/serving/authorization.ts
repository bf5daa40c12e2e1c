// Asks the authorizer about each request that comes from outside the process, and refuses in Kubernetes' words.

import { forbidden, StatusError } from '../../../api/objects/status-error.ts'
import type { Authorizer } from '../authorization/authorizer.ts'
import {
  type Attributes,
  type PathAttributes,
  type ResourceAttributes,
  readAttributes,
} from '../authorization/request-attributes.ts'
import type { ApiRequest, User } from '../exchange.ts'

/** For whoever watches over the server, also while nothing is known of roles yet. */
const openPaths = new Set(['/healthz', '/livez', '/readyz'])
/** A client opens these with a GET that carries WebSockets; what it does is more than reading. */
const sessions = new Set(['exec', 'attach', 'portforward'])

/** True for what anybody may ask for at any time. */
export function isOpen({ method, url }: ApiRequest): boolean {
  return method === 'GET' && openPaths.has(url.pathname)
}

/** Throws Forbidden unless the user may make this request. */
export function authorize({ user, method, url }: ApiRequest, authorizer: Authorizer): void {
  const asked = readAttributes(method, url)
  for (const attributes of withSession(asked)) authorizeOne(user, attributes, authorizer)
}

/** Throws Forbidden unless the user may do this. */
export function authorizeOne(user: User, attributes: Attributes, authorizer: Authorizer): void {
  const { allowed, reason } = authorizer.authorize(user, attributes)
  if (allowed) return
  const why = reason === '' ? '' : `: ${reason}`
  throw 'path' in attributes ? pathForbidden(user, attributes, why) : resourceForbidden(user, attributes, why)
}

/** A session takes the right to create it, whichever method opens it. */
function withSession(attributes: Attributes): Attributes[] {
  const isSession =
    !('path' in attributes) &&
    attributes.resource === 'pods' &&
    sessions.has(attributes.subresource) &&
    attributes.verb === 'get'
  return isSession ? [attributes, { ...attributes, verb: 'create' }] : [attributes]
}

function pathForbidden({ name }: User, { verb, path }: PathAttributes, why: string): StatusError {
  return new StatusError(403, 'Forbidden', `forbidden: User "${name}" cannot ${verb} path "${path}"${why}`, {})
}

function resourceForbidden(user: User, attributes: ResourceAttributes, reason: string): StatusError {
  const { verb, group, namespace, resource, subresource, name } = attributes
  const what = subresource === '' ? resource : `${resource}/${subresource}`
  const where = namespace === '' ? 'at the cluster scope' : `in the namespace "${namespace}"`
  const why = `User "${user.name}" cannot ${verb} resource "${what}" in API group "${group}" ${where}${reason}`
  return forbidden({ group, kind: '', plural: resource }, name, why)
}
