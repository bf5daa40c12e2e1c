// Follows the paths of a template through an object. Pure: neither templates nor objects change.

import { compare } from './compare.ts'
import { type Filter, type Node, type Slice, type Step, TemplateError } from './nodes.ts'

/** A template that was read. */
export interface Template {
  text: string
  nodes: readonly Node[]
}

/**
 * What each part of the template gives for the object, in order; a range gives its parts once for each of its results.
 * Fields that are missing give nothing. Throws TemplateError for what an object cannot be asked, such as an index
 * beyond the end of an array.
 */
export function evaluateTemplate({ text, nodes }: Template, object: unknown): unknown[][] {
  const follow = (steps: readonly Step[], values: unknown[]): unknown[] =>
    steps.reduce((found, step) => takeStep(step, found, follow, text), values)
  const visit = (node: Node, value: unknown): unknown[][] => {
    if (node.kind === 'text') return [[node.text]]
    const results = follow(node.steps, [value])
    if (node.kind === 'path') return [results]
    return results.flatMap((result) => node.body.flatMap((part) => visit(part, result)))
  }
  return nodes.flatMap((node) => visit(node, object))
}

type Follow = (steps: readonly Step[], values: unknown[]) => unknown[]

function takeStep(step: Step, values: unknown[], follow: Follow, template: string): unknown[] {
  switch (step.kind) {
    case 'field':
      return values.flatMap((value) => readField(value, step.name))
    case 'wildcard':
      return values.flatMap(childrenOf)
    case 'descent':
      return values.flatMap(descend)
    case 'literal':
      return typeof step.value === 'string' ? [step.value] : values.map(() => step.value)
    case 'union':
      return step.branches.flatMap((branch) => follow(branch, values))
    case 'slice':
      return values.flatMap((value) => sliceOf(value, step, template))
    case 'filter':
      return values.flatMap((value) => filterOf(value, step, follow, template))
  }
}

function readField(value: unknown, name: string): unknown[] {
  return isObject(value) && Object.hasOwn(value, name) ? [value[name]] : []
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** Fields in order of their names, as they are printed. */
function childrenOf(value: unknown): unknown[] {
  if (Array.isArray(value)) return value
  if (!isObject(value)) return []
  return Object.keys(value)
    .sort()
    .map((key) => value[key])
}

/** The value and everything in it that has something in it. */
function descend(value: unknown): unknown[] {
  const children = childrenOf(value)
  return children.length === 0 ? [] : [value, ...children.flatMap(descend)]
}

function sliceOf(value: unknown, { at, from, to, stride }: Slice, template: string): unknown[] {
  if (value === null) return []
  const array = toArray(value, at, template)
  const { length } = array
  const first = from < 0 ? from + length : from
  const end = to === 'next' ? first + 1 : to === 'end' ? length : to < 0 ? to + length : to
  if (first === end) return []
  const fail = (reason: string): never => {
    throw new TemplateError(template, at, reason)
  }
  if (first < 0 || first >= length) fail(`there is no index ${from} in an array of ${length}`)
  if (end < 0 || end > length) fail(`there is no index ${end - 1} in an array of ${length}`)
  if (first > end) fail(`the slice begins at ${first}, behind its end ${end}`)
  if (stride <= 0) fail('the step of a slice has to be above 0')
  return array.slice(first, end).filter((_, index) => index % stride === 0)
}

function toArray(value: unknown, at: number, template: string): unknown[] {
  if (Array.isArray(value)) return value
  const kind = value === null ? 'null' : typeof value === 'object' ? 'an object' : `a ${typeof value}`
  throw new TemplateError(template, at, `brackets are for arrays, and this is ${kind}`)
}

function filterOf(value: unknown, { at, left, comparison }: Filter, follow: Follow, template: string): unknown[] {
  return toArray(value, at, template).filter((item) => {
    const lefts = follow(left, [item])
    if (comparison === undefined) return lefts.length > 0
    const rights = follow(comparison.right, [item])
    if (lefts.length === 0 || rights.length === 0) return false
    if (lefts.length > 1 || rights.length > 1) {
      throw new TemplateError(template, at, 'a filter compares one value with one other, and these are several')
    }
    try {
      return compare(lefts[0], comparison.operator, rights[0])
    } catch (cause) {
      throw new TemplateError(template, at, cause instanceof Error ? cause.message : String(cause), cause)
    }
  })
}
