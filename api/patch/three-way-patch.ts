// The patch that `apply` sends: what the user changed since the last apply, leaving alone what others have set.

import { isDeepStrictEqual } from 'node:util'
import { definitionNamed, fieldOf, itemsOf, mergeInfoOf, type Schema } from '../schema/schemas.ts'
import { getField, isJsonObject, type JsonObject, setField } from './json.ts'
import { keyOf, sameElement } from './list-order.ts'

/**
 * A strategic merge patch from three states: original (last applied, empty if never), modified (to be applied now),
 * current (on the server). Fields of modified win; fields that left since original are removed. Empty if nothing is to do.
 */
export function createThreeWayPatch(
  original: unknown,
  modified: unknown,
  current: unknown,
  definition: string,
): JsonObject {
  return diffObject(toObject(original), toObject(modified), toObject(current), definitionNamed(definition), false)
}

const toObject = (value: unknown): JsonObject => (isJsonObject(value) ? value : {})
const toList = (value: unknown): unknown[] => (Array.isArray(value) ? value : [])

function diffObject(
  original: JsonObject,
  modified: JsonObject,
  current: JsonObject,
  schema: Schema | undefined,
  retainsKeys: boolean,
): JsonObject {
  const patch: JsonObject = {}
  for (const [name, wanted] of Object.entries(modified)) {
    const states = [getField(original, name), wanted, getField(current, name)] as const
    diffField(patch, name, states, fieldOf(schema, name))
  }
  for (const name of Object.keys(original)) {
    if (!Object.hasOwn(modified, name) && Object.hasOwn(current, name)) setField(patch, name, null)
  }
  if (retainsKeys && Object.keys(patch).length > 0) patch.$retainKeys = Object.keys(modified).sort()
  return patch
}

function diffField(
  patch: JsonObject,
  name: string,
  [original, modified, current]: readonly [unknown, unknown, unknown],
  field: Schema | undefined,
): void {
  if (modified === null || modified === undefined) {
    if (current !== undefined) setField(patch, name, null)
    return
  }
  const { merges, retainsKeys } = mergeInfoOf(field)
  if (isJsonObject(modified) && isJsonObject(current)) {
    const inner = diffObject(toObject(original), modified, current, field, retainsKeys)
    if (Object.keys(inner).length > 0) setField(patch, name, inner)
  } else if (merges && Array.isArray(modified) && Array.isArray(current)) {
    diffList(patch, name, { original: toList(original), modified, current }, field)
  } else if (!isDeepStrictEqual(modified, current)) setField(patch, name, modified)
}

interface Lists {
  original: unknown[]
  modified: unknown[]
  current: unknown[]
}

function diffList(patch: JsonObject, name: string, lists: Lists, field: Schema | undefined): void {
  const { original, modified, current } = lists
  const key = mergeInfoOf(field).mergeKey
  const isGone = (item: unknown) =>
    !modified.some((other) => sameElement(item, other, key)) && current.some((other) => sameElement(item, other, key))
  const gone = original.filter(isGone)
  const changes = modified.flatMap((item) => diffItem(item, lists, field))
  if (key === undefined && gone.length > 0) patch[`$deleteFromPrimitiveList/${name}`] = gone
  const deletions = key === undefined ? [] : gone.map((item) => ({ $patch: 'delete', [key]: keyOf(item, key) }))
  if (changes.length + deletions.length > 0) setField(patch, name, [...changes, ...deletions])
  if (changes.length + gone.length > 0 || !isInOrder(modified, current, key)) {
    patch[`$setElementOrder/${name}`] = modified.map((item) => (key === undefined ? item : { [key]: keyOf(item, key) }))
  }
}

function diffItem(item: unknown, { original, current }: Lists, field: Schema | undefined): unknown[] {
  const { mergeKey: key, retainsKeys } = mergeInfoOf(field)
  const known = current.filter((other) => sameElement(item, other, key))
  if (known.length === 0) return [item]
  if (key === undefined || !isJsonObject(item)) return []
  const before = toObject(original.find((other) => sameElement(item, other, key)))
  // Ports of one number are told apart by their protocol, which is no key: one that is as wanted is enough.
  const changes = known.filter(isJsonObject).map((each) => diffObject(before, item, each, itemsOf(field), retainsKeys))
  const [first] = changes
  const isThere = first === undefined || changes.some((inner) => Object.keys(inner).length === 0)
  return isThere ? [] : [{ ...first, [key]: item[key] }]
}

/** True if the server has the elements in the wanted order already, with whatever else between them. */
function isInOrder(modified: unknown[], current: unknown[], key: string | undefined): boolean {
  const wanted = modified.map((item) => keyOf(item, key))
  const has = current.map((item) => keyOf(item, key)).filter((value) => wanted.includes(value))
  return isDeepStrictEqual(has, wanted)
}
