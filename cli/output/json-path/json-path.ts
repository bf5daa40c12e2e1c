// JSONPath templates, from text to text: read once, then used on any number of objects.

import { evaluateTemplate, type Template } from './evaluate.ts'
import { parseTemplate } from './parse.ts'

/** Reads a template such as {.items[*].metadata.name}. Throws TemplateError. */
export function readTemplate(text: string): Template {
  return { text, nodes: parseTemplate(text) }
}

/**
 * Reads a single path that may lack its braces and its first dot: metadata.name, .metadata.name, {metadata.name}.
 * Throws TemplateError.
 */
export function readRelaxedPath(text: string): Template {
  const [, inBraces, bare] = /^(?:\{\.?([^{}]+)\}|\.?([^{}]+))$/.exec(text) ?? []
  const path = inBraces ?? bare
  return readTemplate(path === undefined ? text : `{.${path}}`)
}

/** The results of every part: those of one joined by spaces, the parts one after another. */
export function formatTemplate(template: Template, object: unknown): string {
  return evaluateTemplate(template, object)
    .map((results) => results.map(formatResult).join(' '))
    .join('')
}

/** The results of every part as a JSON array, indented, on lines of its own. */
export function formatTemplateAsJson(template: Template, object: unknown): string {
  return evaluateTemplate(template, object)
    .map((results) => `${toGoJson(results, 4)}\n`)
    .join('')
}

const formatResult = (result: unknown) => (typeof result === 'string' ? result : toGoJson(result))

/** JSON as Go writes it: keys in order, and what HTML might mistake escaped. */
function toGoJson(value: unknown, indent?: number): string {
  return JSON.stringify(value, sortKeys, indent).replaceAll(
    /[<>&\u2028\u2029]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}

function sortKeys(_: string, value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)))
}
