import { isDeepStrictEqual } from 'node:util'

/** True if both would be written to the API alike: a field that is undefined is as good as absent. */
export function isSame(a: unknown, b: unknown): boolean {
  return isDeepStrictEqual(strip(a), strip(b))
}

function strip(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(strip)
  if (typeof value !== 'object' || value === null) return value
  const entries = Object.entries(value).filter(([, field]) => field !== undefined)
  return Object.fromEntries(entries.map(([key, field]) => [key, strip(field)]))
}
