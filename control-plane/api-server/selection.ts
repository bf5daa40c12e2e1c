// Which objects a list, a watch or a deletion of a collection is about.

import { matchesFields, parseFieldSelector } from '../../api/objects/field-selectors.ts'
import type { ApiObject, Stored } from '../../api/objects/object.ts'
import { parseLabelSelector } from '../../api/objects/selectors.ts'
import { badRequest } from '../../api/objects/status-error.ts'
import type { Resource } from '../../api/resources/resource.ts'
import type { Route } from './route.ts'

/** A predicate over the objects of one kind. */
export interface ObjectFilter {
  readonly namespace: string
  /** True when no selector was given: everything in the namespace is meant. */
  readonly isAll: boolean
  matches(object: Stored<ApiObject>): boolean
}

/** Reads labelSelector and fieldSelector. Throws BadRequest, also for fields that the kind does not make selectable. */
export function parseFilter({ resource, namespace, name }: Route, { searchParams }: URL): ObjectFilter {
  const labelText = searchParams.get('labelSelector') ?? ''
  const fieldText = searchParams.get('fieldSelector') ?? ''
  const labels = parseLabelSelector(labelText)
  const fields = [
    ...parseFieldSelector(fieldText),
    ...(name === '' ? [] : [{ path: 'metadata.name', op: '=' as const, value: name }]),
  ]
  const readers = fields.map(({ path }) => [path, readerOf(resource, path)] as const)
  const byPath = new Map(readers)
  return {
    namespace,
    isAll: labels.requirements.length === 0 && fields.length === 0,
    matches: (object) =>
      (namespace === '' || object.metadata.namespace === namespace) &&
      matchesFields(fields, (path) => byPath.get(path)?.(object) ?? '') &&
      labels.matches(object.metadata.labels ?? {}),
  }
}

function readerOf(resource: Resource, path: string) {
  if (path === 'metadata.name') return ({ metadata }: Stored<ApiObject>) => metadata.name
  if (path === 'metadata.namespace') return ({ metadata }: Stored<ApiObject>) => metadata.namespace ?? ''
  const known = resource.selectableFields ?? {}
  const reader = Object.hasOwn(known, path) ? known[path] : undefined
  if (reader !== undefined) return reader
  throw badRequest(`field label not supported: ${path}`)
}
