// What a JSONPath template consists of, once read.

/** A part of a template: text as it is, the results of a path, or a part that is repeated for each of them. */
export type Node =
  | { kind: 'text'; text: string }
  | { kind: 'path'; steps: Step[] }
  | { kind: 'range'; steps: Step[]; body: Node[] }

/** Leads from values to values. Steps that can fail know where they begin in the template, counted from 0. */
export type Step =
  | { kind: 'field'; name: string }
  | { kind: 'wildcard' }
  | { kind: 'descent' }
  | { kind: 'literal'; value: string | number | boolean }
  | { kind: 'union'; branches: Step[][] }
  | Slice
  | Filter

/** Elements of an array: one if `to` is 'next', else from `from` up to `to`, every `stride`th. Negative counts from the end. */
export interface Slice {
  kind: 'slice'
  at: number
  from: number
  to: number | 'next' | 'end'
  stride: number
}

/** Those elements of an array for which the comparison holds, or for which `left` leads anywhere. */
export interface Filter {
  kind: 'filter'
  at: number
  left: Step[]
  comparison?: { operator: Operator; right: Step[] }
}

/** How a filter may compare. */
export const operators = ['==', '!=', '<=', '>=', '<', '>'] as const
export type Operator = (typeof operators)[number]

/** What is wrong with a template or with its use on an object, and where in the template. */
export class TemplateError extends Error {
  constructor(template: string, at: number, reason: string, cause?: unknown) {
    const rest = template.slice(at, at + 30)
    super(`jsonpath "${template}", character ${at + 1}${rest === '' ? ' (its end)' : ` ("${rest}")`}: ${reason}`, {
      cause,
    })
  }
}
