// The order that --sort-by asks for.

import { compareQuantities, isQuantity } from '../../api/objects/quantity.ts'
import { evaluateTemplate, type Template } from './json-path/evaluate.ts'

/**
 * The items in order of what the path leads to in their objects; those where it leads nowhere come first, equal ones
 * stay in order. Throws an Error if it leads nowhere in all of them, or to what has no order.
 */
export function sortByPath<T>(items: readonly T[], path: Template, objectOf: (item: T) => unknown): T[] {
  const keyed = items.map((item) => ({ item, key: evaluateTemplate(path, objectOf(item))[0]?.[0] }))
  if (keyed.length > 0 && keyed.every(({ key }) => key === undefined)) {
    throw new Error(`--sort-by: no object has a field ${path.text}`)
  }
  return keyed.sort((a, b) => compareKeys(a.key, b.key, path)).map(({ item }) => item)
}

function compareKeys(a: unknown, b: unknown, path: Template): number {
  if (a === undefined || b === undefined) return Number(a !== undefined) - Number(b !== undefined)
  if (typeof a === 'number' && typeof b === 'number') return a - b
  if (typeof a === 'string' && typeof b === 'string') return compareTexts(a, b)
  throw new Error(
    `--sort-by: ${path.text} is ${JSON.stringify(a)} and ${JSON.stringify(b)}; only texts and numbers have an order`,
  )
}

/** Amounts such as 500Mi by what they mean, other texts with numbers inside by these: web-2 before web-10. */
function compareTexts(a: string, b: string): number {
  if (isQuantity(a) && isQuantity(b)) return compareQuantities(a, b)
  const [first, second] = [splitNumbers(a), splitNumbers(b)]
  const at = first.findIndex((part, index) => part !== second[index])
  if (at === -1) return first.length - second.length
  const [left = '', right = ''] = [first[at], second[at]]
  const difference = /^\d/.test(left) && /^\d/.test(right) ? Number(left) - Number(right) : 0
  return difference !== 0 ? difference : left < right ? -1 : 1
}

const splitNumbers = (text: string): string[] => text.match(/\d+|\D+/g) ?? []
