import { createHash } from 'node:crypto'
import type { PodTemplateSpec } from '../../../api/generated/types.ts'

/** The label that keeps the pods of one deployment's replica sets apart. */
export const hashLabel = 'pod-template-hash'

/** No vowels and nothing that reads like another sign: no words come out by chance. */
const alphabet = 'bcdfghjklmnpqrstvwxz2456789'

/** Names a template: the same for the same content in any key order. collisionCount gives another name when one is taken. */
export function hashTemplate(template: PodTemplateSpec, collisionCount = 0): string {
  const digest = createHash('sha256')
    .update(JSON.stringify(sortKeys(template)))
    .update(`#${collisionCount}`)
    .digest()
  return [...digest.subarray(0, 10)].map((byte) => alphabet[byte % alphabet.length]).join('')
}

function sortKeys(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sortKeys)
  if (typeof value !== 'object' || value === null) return value
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1))
  return Object.fromEntries(entries.map(([key, field]) => [key, sortKeys(field)]))
}
