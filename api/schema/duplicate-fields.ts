// JSON.parse silently keeps the last of two equal keys; strict field validation must name them. This scanner reads only
// keys and nesting of a text that JSON.parse has accepted.

import { badRequest } from '../objects/status-error.ts'

interface Level {
  /** Keys seen so far; undefined in an array. */
  keys: Set<string> | undefined
  /** Step to the value at hand. */
  step: string
  index: number
}

const quote = 34
const backslash = 92
const openBrace = 123
const closeBrace = 125
const openBracket = 91
const closeBracket = 93
const comma = 44

const findingsLimit = 100
/** As deep as Kubernetes lets JSON nest; what works on values afterwards may recurse. */
const deepest = 10_000

/** Paths of fields that stand twice in the same object, such as spec.replicas. The text must be valid JSON. Throws BadRequest when it nests without end. */
export function findDuplicateFields(json: string): string[] {
  const duplicates: string[] = []
  const levels: Level[] = []
  let expectsKey = false
  for (let at = 0; at < json.length; at++) {
    const code = json.charCodeAt(at)
    const level = levels.at(-1)
    if (code === quote) {
      const end = endOfString(json, at)
      if (expectsKey && level?.keys !== undefined) noteKey(json.slice(at, end + 1), level, levels, duplicates)
      expectsKey = false
      at = end
    } else if (code === openBrace || code === openBracket) {
      if (levels.length === deepest) throw badRequest(`the JSON nests deeper than ${deepest} levels`)
      levels.push({ keys: code === openBrace ? new Set() : undefined, step: '[0]', index: 0 })
      expectsKey = code === openBrace
    } else if (code === closeBrace || code === closeBracket) {
      levels.pop()
      expectsKey = false
    } else if (code === comma && level !== undefined) {
      expectsKey = level.keys !== undefined
      if (!expectsKey) level.step = `[${++level.index}]`
    }
  }
  return duplicates
}

function endOfString(json: string, start: number): number {
  let at = start + 1
  while (at < json.length && json.charCodeAt(at) !== quote) at += json.charCodeAt(at) === backslash ? 2 : 1
  return at
}

function noteKey(quoted: string, level: Level, levels: readonly Level[], duplicates: string[]): void {
  const key = quoted.includes('\\') ? String(JSON.parse(quoted)) : quoted.slice(1, -1)
  level.step = `.${key}`
  if (level.keys?.has(key) === true && duplicates.length < findingsLimit)
    duplicates.push(
      levels
        .map(({ step }) => step)
        .join('')
        .replace(/^\./, ''),
    )
  level.keys?.add(key)
}
