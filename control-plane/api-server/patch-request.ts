// PATCH: the body is applied to what is there, and the result is an update like any other.

import type { ApiObject, Stored } from '../../api/objects/object.ts'
import { unsupportedMediaType } from '../../api/objects/status-error.ts'
import { applyJsonPatch } from '../../api/patch/json-patch.ts'
import { applyMergePatch } from '../../api/patch/merge-patch.ts'
import { applyStrategicMergePatch } from '../../api/patch/strategic-merge-patch.ts'
import { contentTypeOf, decodeObject, fieldValidationOf, parseJsonBody } from './body.ts'
import type { ApiRequest } from './exchange.ts'
import type { Route } from './route.ts'
import { bodyTypeOf } from './subresources.ts'
import { matchPath } from './writes.ts'

type Apply = (current: unknown, patch: unknown, definition: string) => unknown

const patchTypes: Readonly<Record<string, Apply>> = {
  'application/json-patch+json': applyJsonPatch,
  'application/merge-patch+json': applyMergePatch,
  'application/strategic-merge-patch+json': applyStrategicMergePatch,
}

/** Parses the patch now; the function that is returned applies it, as often as others are faster. */
export function applyPatch(
  request: ApiRequest,
  route: Route,
  warnings: string[],
): (current: Stored<ApiObject>) => ApiObject {
  const type = contentTypeOf(request)
  const apply = Object.hasOwn(patchTypes, type) ? patchTypes[type] : undefined
  if (apply === undefined) {
    const accepted = [...Object.keys(patchTypes), 'application/apply-patch+yaml'].join(', ')
    throw unsupportedMediaType(
      `the body of the request was in an unknown format - accepted media types include: ${accepted}`,
    )
  }
  const { value: patch, duplicates } = parseJsonBody(request)
  const bodyType = bodyTypeOf(route.resource, route.subresource)
  const validation = fieldValidationOf(request.url)
  return (current) => {
    const patched = apply(current, patch, bodyType.definition)
    const decoded = decodeObject(bodyType, { value: structuredClone(patched), duplicates }, validation)
    warnings.splice(0, warnings.length, ...decoded.warnings)
    matchPath(route, decoded.object)
    return decoded.object
  }
}
