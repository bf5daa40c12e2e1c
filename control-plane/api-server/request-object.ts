// The object in the body of a create or update, decoded and matched with the path.

import type { ApiObject } from '../../api/objects/object.ts'
import { decodeObject, fieldValidationOf, parseBody } from './body.ts'
import type { ApiRequest } from './exchange.ts'
import type { Route } from './route.ts'
import { bodyTypeOf } from './subresources.ts'
import { matchPath } from './writes.ts'

/** Throws BadRequest for what is not an object of the kind that the path asks for. */
export function parseObject(request: ApiRequest, route: Route): { object: ApiObject; warnings: string[] } {
  const body = parseBody(request)
  const type = bodyTypeOf(route.resource, route.subresource)
  const decoded = decodeObject(type, body, fieldValidationOf(request.url))
  matchPath(route, decoded.object)
  return decoded
}
