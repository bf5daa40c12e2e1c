// The three-way patch for kinds without a known schema: lists are replaced as a whole.

import { isDeepStrictEqual } from 'node:util'

interface Fields {
  [name: string]: unknown
}

const isFields = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
const toFields = (value: unknown): Fields => (isFields(value) ? value : {})

/** A JSON merge patch that brings current to modified, but leaves alone what original never had. Empty if nothing is to do. */
export function createMergePatch(original: unknown, modified: unknown, current: unknown): Fields {
  const [before, wanted, now] = [toFields(original), toFields(modified), toFields(current)]
  const gone = Object.keys(before).filter((name) => !(name in wanted) && name in now)
  const changes = Object.entries(wanted).flatMap(([name, value]) => {
    if (isFields(value) && isFields(now[name])) {
      const inner = createMergePatch(before[name], value, now[name])
      return Object.keys(inner).length === 0 ? [] : [[name, inner]]
    }
    return isDeepStrictEqual(value, now[name]) ? [] : [[name, value]]
  })
  return Object.fromEntries([...gone.map((name) => [name, null]), ...changes])
}
