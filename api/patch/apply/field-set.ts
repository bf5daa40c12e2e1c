// A set of fields of an object, as managedFields hold it: a tree whose edges are "f:<field>", "k:<keys of a list item>"
// and "v:<value in a set>". https://kubernetes.io/docs/reference/using-api/server-side-apply/#field-management

import { isJsonObject, type JsonObject } from '../json.ts'

/** One node of the tree. Treated as read-only once it is built. */
export class FieldSet {
  /** True if the field itself belongs to the set, whatever of its parts does. */
  self = false
  readonly parts = new Map<string, FieldSet>()

  /** Reads fieldsV1. */
  static from(fields: unknown): FieldSet {
    const set = new FieldSet()
    for (const [element, below] of Object.entries(isJsonObject(fields) ? fields : {})) {
      if (element === '.') set.self = true
      else set.parts.set(element, FieldSet.#fromPart(below))
    }
    return set
  }

  static #fromPart(below: unknown): FieldSet {
    const part = FieldSet.from(below)
    if (part.parts.size === 0) part.self = true
    return part
  }

  get isEmpty(): boolean {
    return !this.self && this.parts.size === 0
  }

  /** Adds a part, unless it is empty. */
  add(element: string, part: FieldSet): void {
    if (!part.isEmpty) this.parts.set(element, part)
  }

  /** Writes fieldsV1; elements are sorted, so that equal sets are equal texts. */
  toFields(): JsonObject {
    const sorted = [...this.parts].sort(([a], [b]) => (a < b ? -1 : 1))
    return {
      ...(this.self && this.parts.size > 0 && { '.': {} }),
      ...Object.fromEntries(sorted.map(([element, part]) => [element, part.toFields()])),
    }
  }

  /** What is in either. */
  union(other: FieldSet): FieldSet {
    return this.#combine(other, (mine, theirs) => mine || theirs)
  }

  /** What is in both. */
  intersection(other: FieldSet): FieldSet {
    return this.#combine(other, (mine, theirs) => mine && theirs)
  }

  /** What is here and not there. */
  difference(other: FieldSet): FieldSet {
    return this.#combine(other, (mine, theirs) => mine && !theirs)
  }

  /** The elements of each field of the set, from the root. */
  *paths(above: readonly string[] = []): Iterable<readonly string[]> {
    if (this.self) yield above
    for (const [element, part] of this.parts) yield* part.paths([...above, element])
  }

  #combine(other: FieldSet, isIn: (mine: boolean, theirs: boolean) => boolean): FieldSet {
    const combined = new FieldSet()
    combined.self = isIn(this.self, other.self)
    for (const element of new Set([...this.parts.keys(), ...other.parts.keys()])) {
      const [mine, theirs] = [this.parts.get(element) ?? nothing, other.parts.get(element) ?? nothing]
      combined.add(element, mine.#combine(theirs, isIn))
    }
    return combined
  }
}

/** The empty set. */
export const nothing = new FieldSet()

/** As users read a path: .spec.containers[name="web"].image */
export function formatPath(elements: readonly string[]): string {
  return elements
    .map((element) => {
      const rest = element.slice(2)
      if (element.startsWith('f:')) return `.${rest}`
      if (element.startsWith('v:')) return `[=${rest}]`
      const keys: Record<string, unknown> = JSON.parse(rest)
      return `[${Object.entries(keys).map(([key, value]) => `${key}=${JSON.stringify(value)}`)}]`
    })
    .join('')
}
