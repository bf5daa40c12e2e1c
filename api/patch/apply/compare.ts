// Which fields a value has, and which differ between two.

import { isDeepStrictEqual } from 'node:util'
import type { Schema } from '../../schema/schemas.ts'
import { FieldSet } from './field-set.ts'
import { type Part, partsOf } from './parts.ts'

/** What came, went and changed. */
export interface Comparison {
  added: FieldSet
  removed: FieldSet
  modified: FieldSet
}

/** The fields that somebody who gives this value says something about. */
export function fieldSetOf(value: unknown, schema: Schema | undefined): FieldSet {
  const set = new FieldSet()
  const parts = partsOf(value, schema)
  set.self = parts === undefined || parts.byElement.size === 0
  for (const [element, part] of parts?.byElement ?? []) {
    const below = fieldSetOf(part.value, part.schema)
    if (parts?.areOwned === true) below.self = true
    set.add(element, below)
  }
  return set
}

/** The steps from old to new. */
export function compare(old: unknown, now: unknown, schema: Schema | undefined): Comparison {
  const [before, after] = [partsOf(old, schema), partsOf(now, schema)]
  const isContainer = (old === undefined || before !== undefined) && (now === undefined || after !== undefined)
  if (!isContainer || (before ?? after) === undefined) return compareWhole(old, now)
  const result = nothingYet()
  result.added.self = old === undefined
  result.removed.self = now === undefined
  const elements = new Set([...(before?.byElement.keys() ?? []), ...(after?.byElement.keys() ?? [])])
  for (const element of elements)
    comparePart(result, element, before?.byElement.get(element), after?.byElement.get(element))
  return result
}

function comparePart(result: Comparison, element: string, before: Part | undefined, after: Part | undefined): void {
  const below = compare(before?.value, after?.value, (after ?? before)?.schema)
  for (const kind of ['added', 'removed', 'modified'] as const) result[kind].add(element, below[kind])
}

function compareWhole(old: unknown, now: unknown): Comparison {
  const result = nothingYet()
  if (old === undefined && now === undefined) return result
  if (old === undefined) result.added.self = true
  else if (now === undefined) result.removed.self = true
  else result.modified.self = !isDeepStrictEqual(old, now)
  return result
}

const nothingYet = () => ({ added: new FieldSet(), removed: new FieldSet(), modified: new FieldSet() })
