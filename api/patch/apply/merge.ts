// Joins what somebody applies with what is there, and takes out what they no longer apply.

import type { Schema } from '../../schema/schemas.ts'
import { isJsonObject, type JsonObject, setField } from '../json.ts'
import type { FieldSet } from './field-set.ts'
import { partsOf } from './parts.ts'

/** The live value with the applied one laid over it; what is one thing is replaced. Shares what did not change. */
export function merge(live: unknown, applied: unknown, schema: Schema | undefined): unknown {
  const [there, given] = [partsOf(live, schema), partsOf(applied, schema)]
  if (there === undefined || given === undefined) return applied
  const merged = new Map<string, unknown>()
  const rest = [...there.byElement]
  /** What is there alone, up to the next that is in both, keeps its place. */
  const keepNext = () => {
    for (let [next] = rest; next !== undefined; [next] = rest) {
      const [element, { value }] = next
      if (given.byElement.has(element) && !merged.has(element)) return
      if (!given.byElement.has(element)) merged.set(element, value)
      rest.shift()
    }
  }
  for (const [element, { value, schema: below }] of given.byElement) {
    keepNext()
    const known = there.byElement.get(element)
    merged.set(element, known === undefined ? value : merge(known.value, value, below))
  }
  keepNext()
  return rebuild(Array.isArray(live), merged)
}

/** The value without the fields of a set, but for those that are kept and what is around them. */
export function removeFields(
  value: unknown,
  removed: FieldSet,
  kept: FieldSet | undefined,
  schema: Schema | undefined,
): unknown {
  const parts = partsOf(value, schema)
  if (parts === undefined) return value
  const left = new Map<string, unknown>()
  for (const [element, part] of parts.byElement) {
    const [out, stays] = [removed.parts.get(element), kept?.parts.get(element)]
    if (out === undefined) left.set(element, part.value)
    else if (stays !== undefined || !out.self) {
      const below = removeFields(part.value, out, stays, part.schema)
      if (stays !== undefined || !isHollow(below)) left.set(element, below)
    }
  }
  return rebuild(Array.isArray(value), left)
}

const isHollow = (value: unknown) =>
  Array.isArray(value) ? value.length === 0 : isJsonObject(value) && Object.keys(value).length === 0

function rebuild(isList: boolean, parts: ReadonlyMap<string, unknown>): unknown {
  if (isList) return [...parts.values()]
  const object: JsonObject = {}
  for (const [element, value] of parts) setField(object, element.slice('f:'.length), value)
  return object
}
