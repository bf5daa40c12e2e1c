// The two doors of an object with spec and status: through the main door everything but the status changes, through
// /status only the status. Kinds of this shape get these functions by name.

import { isDeepStrictEqual } from 'node:util'
import type { ApiObject, Stored } from '../objects/object.ts'

/** Any kind with a spec and a status. */
interface WithStatus extends ApiObject {
  spec?: unknown
  status?: unknown
}

/** At creation there is no status yet, and the generation is the first. */
export function startGeneration(object: WithStatus): void {
  delete object.status
  object.metadata = { ...object.metadata, generation: 1 }
}

/** The main door keeps the old status. */
export function keepStatus(object: WithStatus, old: WithStatus): void {
  if (old.status === undefined) delete object.status
  else object.status = old.status
}

/** The main door of kinds whose generation counts the changes of their spec. */
export function keepStatusAndCount(object: WithStatus, old: WithStatus): void {
  keepStatus(object, old)
  countGeneration(object, old, isDeepStrictEqual(object.spec, old.spec))
}

/** Raises the generation unless nothing that counts has changed. Clients cannot set it. */
export function countGeneration(object: ApiObject, old: ApiObject, isSame: boolean): void {
  const generation = old.metadata?.generation ?? (isSame ? undefined : 0)
  if (generation === undefined) delete object.metadata?.generation
  else object.metadata = { ...object.metadata, generation: isSame ? generation : generation + 1 }
}

/** The status door: all but the status (and who manages which field) stays as it was. */
export function keepAllButStatus<T extends ApiObject>(object: T, old: Stored<T>): void {
  const { managedFields, resourceVersion } = object.metadata ?? {}
  const kept: object = old
  for (const key of Object.keys(object)) {
    if (key !== 'status') Reflect.deleteProperty(object, key)
  }
  for (const [key, value] of Object.entries(kept)) {
    if (key !== 'status') Reflect.set(object, key, value)
  }
  object.metadata = {
    ...old.metadata,
    ...(resourceVersion !== undefined && { resourceVersion }),
    ...(managedFields !== undefined && { managedFields }),
  }
}
