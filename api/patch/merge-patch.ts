// JSON Merge Patch, RFC 7386.

import { badRequest } from '../objects/status-error.ts'
import { getField, isJsonObject, type JsonObject, setField } from './json.ts'

/** The target after the patch: objects merge, null removes, anything else replaces. Shares what did not change. Throws BadRequest. */
export function applyMergePatch(target: unknown, patch: unknown): unknown {
  if (!isJsonObject(patch)) throw badRequest('a merge patch must be a JSON object')
  return merge(target, patch)
}

function merge(target: unknown, patch: unknown): unknown {
  if (!isJsonObject(patch)) return patch
  const merged: JsonObject = isJsonObject(target) ? { ...target } : {}
  for (const [name, value] of Object.entries(patch)) {
    if (value === null) delete merged[name]
    else setField(merged, name, merge(getField(merged, name), value))
  }
  return merged
}

/** The smallest merge patch that makes "after" out of "before". */
export function createMergePatch(before: JsonObject, after: JsonObject): JsonObject {
  const patch: JsonObject = {}
  for (const name of Object.keys(before)) {
    if (getField(after, name) === undefined) setField(patch, name, null)
  }
  for (const [name, value] of Object.entries(after)) {
    const old = getField(before, name)
    if (isJsonObject(old) && isJsonObject(value)) {
      const inner = createMergePatch(old, value)
      if (Object.keys(inner).length > 0) setField(patch, name, inner)
    } else if (JSON.stringify(old) !== JSON.stringify(value)) setField(patch, name, value)
  }
  return patch
}
