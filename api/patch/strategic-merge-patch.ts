// Strategic merge patch: a merge patch that knows which lists are sets of things with a key.
// Directives: https://github.com/kubernetes/community/blob/master/contributors/devel/sig-api-machinery/strategic-merge-patch.md

import { badRequest } from '../objects/status-error.ts'
import { definitionNamed, fieldOf, itemsOf, mergeInfoOf, type Schema } from '../schema/schemas.ts'
import { getField, isJsonObject, type JsonObject, setField } from './json.ts'
import { keyOf, orderElements } from './list-order.ts'

export { createThreeWayPatch } from './three-way-patch.ts'

const orderPrefix = '$setElementOrder/'
const deletePrefix = '$deleteFromPrimitiveList/'

/** The object after the patch; what did not change is shared with current. Throws BadRequest that names the path. */
export function applyStrategicMergePatch(current: unknown, patch: unknown, definition: string): unknown {
  if (!isJsonObject(patch)) throw badRequest('a strategic merge patch must be a JSON object')
  return mergeObject(isJsonObject(current) ? current : {}, patch, definitionNamed(definition), '')
}

function mergeObject(current: JsonObject, patch: JsonObject, schema: Schema | undefined, path: string): JsonObject {
  const directive = patch.$patch
  if (directive === 'replace') return withoutDirectives(patch)
  if (directive === 'delete') return {}
  if (directive !== undefined && directive !== 'merge') {
    throw refuse(`${path}: unknown patch type ${JSON.stringify(directive)}, expected replace, delete or merge`)
  }
  const merged = retainKeys(current, patch, path)
  deleteFromLists(merged, patch, path)
  for (const [name, value] of Object.entries(patch)) {
    if (name.startsWith('$')) continue
    if (value === null) delete merged[name]
    else setField(merged, name, mergeField(getField(merged, name), value, fieldOf(schema, name), `${path}.${name}`))
  }
  orderLists(merged, current, patch, schema, path)
  return merged
}

function retainKeys(current: JsonObject, patch: JsonObject, path: string): JsonObject {
  const kept = patch.$retainKeys
  if (kept === undefined) return { ...current }
  if (!Array.isArray(kept)) throw refuse(`${path}.$retainKeys: expected array`)
  const extra = Object.keys(patch).find((name) => !name.startsWith('$') && patch[name] !== null && !kept.includes(name))
  if (extra !== undefined) throw refuse(`${path}.${extra}: is set, but not in $retainKeys`)
  return Object.fromEntries(Object.entries(current).filter(([name]) => kept.includes(name)))
}

function deleteFromLists(merged: JsonObject, patch: JsonObject, path: string): void {
  for (const [directive, values] of Object.entries(patch)) {
    if (!directive.startsWith(deletePrefix)) continue
    if (!Array.isArray(values)) throw refuse(`${path}.${directive}: expected array`)
    const name = directive.slice(deletePrefix.length)
    const list = getField(merged, name)
    if (Array.isArray(list))
      setField(
        merged,
        name,
        list.filter((item) => !values.includes(item)),
      )
  }
}

function mergeField(current: unknown, value: unknown, field: Schema | undefined, path: string): unknown {
  const { merges, mergeKey } = mergeInfoOf(field)
  if (isJsonObject(value)) return mergeObject(isJsonObject(current) ? current : {}, value, field, path)
  if (!Array.isArray(value)) return value
  if (!merges || !Array.isArray(current)) return dropListDirectives(value)
  const items = itemsOf(field)
  if (mergeKey === undefined || !value.concat(current).some(isJsonObject)) return mergeSet(current, value)
  return mergeByKey(current, value, mergeKey, items, path)
}

/** Lists of plain values: the union, each value once. */
function mergeSet(current: unknown[], patch: unknown[]): unknown[] {
  return orderElements([...new Set([...current, ...patch])], patch, current, undefined)
}

function mergeByKey(
  current: unknown[],
  patch: unknown[],
  key: string,
  items: Schema | undefined,
  path: string,
): unknown[] {
  // Taken as it is: addresses of a Node share the key "type", and none may swallow another.
  if (patch.some((item) => isJsonObject(item) && item.$patch === 'replace')) return dropListDirectives(patch)
  const list = new KeyedList(current, key)
  for (const [index, change] of patch.entries()) {
    const at = `${path}[${index}]`
    if (!isJsonObject(change)) throw refuse(`${at}: expected object`)
    if (keyOf(change, key) === undefined) throw refuse(`${at}: does not contain declared merge key: ${key}`)
    if (change.$patch === 'delete') list.delete(change)
    else list.put(change, (known) => mergeObject(known, change, items, at))
  }
  return orderElements(list.items(), patch, current, key)
}

/** A list with an index by key: to look through it for each change would take minutes for a patch of a few megabytes. */
class KeyedList {
  readonly #key: string
  readonly #items: unknown[] = []
  /** By key, where its items are. */
  readonly #places = new Map<unknown, number[]>()
  readonly #gone = new Set<number>()

  constructor(items: readonly unknown[], key: string) {
    this.#key = key
    for (const item of items) this.#append(item)
  }

  delete(like: JsonObject): void {
    const id = keyOf(like, this.#key)
    for (const place of this.#places.get(id) ?? []) this.#gone.add(place)
    this.#places.delete(id)
  }

  /** Changes the first item of the key, or adds one. */
  put(like: JsonObject, merge: (known: JsonObject) => JsonObject): void {
    const [place = -1] = this.#places.get(keyOf(like, this.#key)) ?? []
    const known = this.#items[place]
    if (isJsonObject(known)) this.#items[place] = merge(known)
    else this.#append(merge({}))
  }

  items(): unknown[] {
    return this.#items.filter((_, place) => !this.#gone.has(place))
  }

  #append(item: unknown): void {
    const id = keyOf(item, this.#key)
    const places = this.#places.get(id)
    if (places === undefined) this.#places.set(id, [this.#items.length])
    else places.push(this.#items.length)
    this.#items.push(item)
  }
}

function orderLists(
  merged: JsonObject,
  current: JsonObject,
  patch: JsonObject,
  schema: Schema | undefined,
  path: string,
): void {
  for (const [directive, order] of Object.entries(patch)) {
    if (!directive.startsWith(orderPrefix)) continue
    if (!Array.isArray(order)) throw refuse(`${path}.${directive}: expected array`)
    const name = directive.slice(orderPrefix.length)
    const list = getField(merged, name)
    const server = getField(current, name)
    if (!Array.isArray(list)) continue
    const { mergeKey } = mergeInfoOf(fieldOf(schema, name))
    const key = list.some(isJsonObject) ? mergeKey : undefined
    setField(merged, name, orderElements(list, order, Array.isArray(server) ? server : [], key))
  }
}

function refuse(pathAndReason: string): Error {
  return badRequest(`cannot apply the strategic merge patch: ${pathAndReason.replace(/^\./, '')}`)
}

/** A value that meets nothing to merge with is taken as it is, but for its directives and nulls. */
function withoutDirectives(value: JsonObject): JsonObject {
  const cleaned: JsonObject = {}
  for (const [name, part] of Object.entries(value)) {
    if (!name.startsWith('$') && part !== null) setField(cleaned, name, cleanPart(part))
  }
  return cleaned
}

function cleanPart(part: unknown): unknown {
  if (Array.isArray(part)) return dropListDirectives(part)
  return isJsonObject(part) ? withoutDirectives(part) : part
}

function dropListDirectives(list: unknown[]): unknown[] {
  const isDirective = (item: unknown) =>
    isJsonObject(item) && (item.$patch === 'delete' || (item.$patch === 'replace' && Object.keys(item).length === 1))
  return list.filter((item) => !isDirective(item)).map(cleanPart)
}
