// Server-side apply: the body says which fields its sender wants to manage, and how they are to be; the server merges,
// and knows who else manages what. https://kubernetes.io/docs/reference/using-api/server-side-apply/

import type { ManagedFieldsEntry } from '../../api/generated/types.ts'
import { required } from '../../api/objects/field-errors.ts'
import type { ApiObject, Stored } from '../../api/objects/object.ts'
import { badRequest, invalid, isAlreadyExists, isNotFound, methodNotAllowed } from '../../api/objects/status-error.ts'
import { applyObject } from '../../api/patch/apply/managed-fields.ts'
import { contentTypeOf, decodeObject, fieldValidationOf, parseYamlBody } from './body.ts'
import type { ApiRequest } from './exchange.ts'
import type { Route } from './route.ts'
import { createObject, managerOf, matchPath, type Target, updateObject, type WriteContext } from './writes.ts'

const createTries = 4
const optionsKind = { group: 'meta.k8s.io', kind: 'PatchOptions', plural: 'patchoptions' }

/** True for a request to apply. */
export function isApply(request: ApiRequest, { verb }: Route): boolean {
  return verb === 'patch' && contentTypeOf(request) === 'application/apply-patch+yaml'
}

/** Applies the body; creates what is not there, if the caller may. */
export async function applyRequest(
  context: WriteContext,
  request: ApiRequest,
  route: Route,
  target: Target,
  authorizeCreate: () => void,
): Promise<{ object: Stored<ApiObject>; created: boolean; warnings: string[] }> {
  const { force } = readOptions(request)
  if (route.subresource !== '' && route.subresource !== 'status') throw methodNotAllowed('PATCH')
  const { object: applied, warnings } = decodeObject(
    route.resource,
    parseYamlBody(request),
    fieldValidationOf(request.url),
  )
  if (applied.metadata?.managedFields !== undefined) throw badRequest('metadata.managedFields must be nil')
  matchPath(route, applied)
  const apply = (live: ApiObject | undefined) => applyObject(live, structuredClone(applied), managerOf(target), force)
  for (let tries = 1; ; tries++) {
    try {
      return { object: await applyToLive(context, target, apply), created: false, warnings }
    } catch (error) {
      if (!isNotFound(error) || route.subresource !== '') throw error
    }
    authorizeCreate()
    try {
      const { object, managedFields } = apply(undefined)
      return { object: await createObject(context, target, object, managedFields), created: true, warnings }
    } catch (error) {
      if (!isAlreadyExists(error) || tries === createTries) throw error
    }
  }
}

async function applyToLive(
  context: WriteContext,
  target: Target,
  apply: (live: ApiObject) => { object: ApiObject; managedFields: ManagedFieldsEntry[] },
): Promise<Stored<ApiObject>> {
  let managedFields: ManagedFieldsEntry[] = []
  const replace = (current: Stored<ApiObject>) => {
    const result = apply(current)
    managedFields = result.managedFields
    return result.object
  }
  return await updateObject(context, target, replace, () => managedFields)
}

function readOptions({ url: { searchParams } }: ApiRequest): { force: boolean } {
  if ((searchParams.get('fieldManager') ?? '') === '')
    throw invalid(optionsKind, '', [required('fieldManager', 'is required for apply patch')])
  return { force: ['true', '1'].includes(searchParams.get('force') ?? '') }
}
