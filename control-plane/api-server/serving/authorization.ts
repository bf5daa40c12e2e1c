// Who may do what. Fixed rules for now: administrators everything, agents what docs/security.md lists, others who have a
// certificate may look at what kinds there are, and anybody may ask for version and health. All else is refused.

import { forbidden, StatusError } from '../../../api/objects/status-error.ts'
import type { ApiRequest, User } from '../exchange.ts'
import { type NodeRules, nodeMay } from './node-authorization.ts'
import { type PathAttributes, type ResourceAttributes, readAttributes } from './request-attributes.ts'

const publicPaths = /^\/(version|healthz|livez|readyz)(\/|$)/
const discoveryPaths = /^\/(api|apis|openapi)(\/|$)/
const nodePrefix = 'system:node:'

/** Throws Forbidden, in Kubernetes' words, unless the user may make this request. */
export async function authorize(request: ApiRequest, rules: NodeRules): Promise<void> {
  const { user, method, url } = request
  if (user.groups.includes('system:masters')) return
  const attributes = readAttributes(method, url)
  if ('path' in attributes) {
    if (!mayUsePath(user, attributes)) throw pathForbidden(user, attributes)
    return
  }
  const node = nodeNameOf(user)
  if (node === undefined || !(await nodeMay(node, attributes, request.body, rules)))
    throw resourceForbidden(user, attributes)
}

function mayUsePath(user: User, { verb, path }: PathAttributes): boolean {
  if (verb !== 'get') return false
  return publicPaths.test(path) || (user.groups.includes('system:authenticated') && discoveryPaths.test(path))
}

function nodeNameOf({ name, groups }: User): string | undefined {
  return groups.includes('system:nodes') && name.startsWith(nodePrefix) ? name.slice(nodePrefix.length) : undefined
}

function pathForbidden({ name }: User, { verb, path }: PathAttributes): StatusError {
  return new StatusError(403, 'Forbidden', `forbidden: User "${name}" cannot ${verb} path "${path}"`, {})
}

function resourceForbidden(user: User, { verb, group, namespace, resource, subresource, name }: ResourceAttributes) {
  const what = subresource === '' ? resource : `${resource}/${subresource}`
  const where = namespace === '' ? 'at the cluster scope' : `in the namespace "${namespace}"`
  const why = `User "${user.name}" cannot ${verb} resource "${what}" in API group "${group}" ${where}`
  return forbidden({ group, kind: '', plural: resource }, name, why)
}
