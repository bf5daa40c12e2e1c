// The one way to ask whether an object is fit to be stored: the rules for all metadata, then those of its kind.

import type { ApiObject, Stored } from '../objects/object.ts'
import type { FieldError } from '../objects/status-error.ts'
import { validateMetadata, validateMetadataUpdate } from './metadata-rules.ts'
import type { Resource } from './resource.ts'

/** All that is wrong with a new object, decoded, defaulted and named. */
export function validateCreate<T extends ApiObject>(resource: Resource<T>, object: T): FieldError[] {
  return [...validateMetadata(resource, object), ...(resource.validate?.(object) ?? [])]
}

/** All that is wrong with an update by the main door. */
export function validateUpdate<T extends ApiObject>(resource: Resource<T>, object: T, old: Stored<T>): FieldError[] {
  return [
    ...validateMetadata(resource, object),
    ...validateMetadataUpdate(object, old),
    ...(resource.validate?.(object) ?? []),
    ...(resource.validateUpdate?.(object, old) ?? []),
  ]
}
