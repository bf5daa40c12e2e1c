// Label selectors in both of their forms; field selectors have a file of their own.
// Grammar: https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/#label-selectors

import type { LabelSelector, LabelSelectorRequirement, NodeSelectorRequirement } from '../generated/types.ts'
import { whyNotLabelValue, whyNotQualifiedName } from './names.ts'
import { badRequest } from './status-error.ts'

/** A map of labels, as objects carry it. */
export type Labels = Readonly<Record<string, string>>

/** One condition on one label. Gt and Lt compare whole numbers. */
export interface Requirement {
  readonly key: string
  readonly operator: 'In' | 'NotIn' | 'Exists' | 'DoesNotExist' | 'Gt' | 'Lt'
  readonly values: readonly string[]
}

/** Conditions that must all hold. Immutable. */
export interface Selector {
  readonly requirements: readonly Requirement[]
  /** True if every requirement holds; a selector without requirements matches everything. */
  matches(labels: Labels | undefined): boolean
  /** The query string form; equal selectors give equal text. */
  toString(): string
}

/** Builds a selector from its requirements. */
function makeSelector(requirements: readonly Requirement[]): Selector {
  return {
    requirements,
    matches: (labels) => requirements.every((requirement) => matchesRequirement(requirement, labels ?? {})),
    toString: () =>
      [...requirements]
        .sort((a, b) => (a.key < b.key ? -1 : 1))
        .map(formatRequirement)
        .join(','),
  }
}

/** Matches every object. */
const everything: Selector = makeSelector([])
/** Matches no object. */
const nothing: Selector = { requirements: [], matches: () => false, toString: () => '' }

/** Reads a query string such as "app=web,tier in (a,b),!old". Throws BadRequest. */
export function parseLabelSelector(text: string): Selector {
  return text.trim() === '' ? everything : makeSelector(splitTopLevel(text).map((part) => parseRequirement(part, text)))
}

/** The object form. A missing selector matches nothing, an empty one everything. Throws BadRequest on an unknown operator. */
export function toSelector(selector: LabelSelector | undefined): Selector {
  if (selector === undefined) return nothing
  const expressions = (selector.matchExpressions ?? []).map(toRequirement)
  return makeSelector([...equalTo(selector.matchLabels ?? {}), ...expressions])
}

/** Matches objects that carry all of these labels: spec.selector of a Service. An empty map matches everything. */
export function selectorOfLabels(labels: Labels): Selector {
  return makeSelector(equalTo(labels))
}

/** One requirement of a LabelSelector or of a node selector term. Throws BadRequest on an unknown operator. */
export function toRequirement({
  key,
  operator,
  values,
}: LabelSelectorRequirement | NodeSelectorRequirement): Requirement {
  if (!isOperator(operator)) throw badRequest(`"${operator}" is not a valid label selector operator`)
  return { key, operator, values: values ?? [] }
}

const operators = ['In', 'NotIn', 'Exists', 'DoesNotExist', 'Gt', 'Lt'] as const
const isOperator = (text: string): text is Requirement['operator'] => operators.some((operator) => operator === text)
const equalTo = (labels: Labels): Requirement[] =>
  Object.entries(labels).map(([key, value]) => ({ key, operator: 'In', values: [value] }))

/** True if the requirement holds for these labels. */
export function matchesRequirement({ key, operator, values }: Requirement, labels: Labels): boolean {
  const value = Object.hasOwn(labels, key) ? labels[key] : undefined
  switch (operator) {
    case 'Exists':
      return value !== undefined
    case 'DoesNotExist':
      return value === undefined
    case 'In':
      return value !== undefined && values.includes(value)
    case 'NotIn':
      return value === undefined || !values.includes(value)
    default:
      return value !== undefined && comparesAs(operator, value, values[0] ?? '')
  }
}

function comparesAs(operator: 'Gt' | 'Lt', value: string, bound: string): boolean {
  const whole = /^[+-]?\d+$/
  if (!whole.test(value) || !whole.test(bound)) return false
  return operator === 'Gt' ? BigInt(value) > BigInt(bound) : BigInt(value) < BigInt(bound)
}

function formatRequirement({ key, operator, values }: Requirement): string {
  const list = `(${[...values].sort().join(',')})`
  if (operator === 'Exists') return key
  if (operator === 'DoesNotExist') return `!${key}`
  if (operator === 'In') return values.length === 1 ? `${key}=${values[0]}` : `${key} in ${list}`
  if (operator === 'NotIn') return values.length === 1 ? `${key}!=${values[0]}` : `${key} notin ${list}`
  return `${key}${operator === 'Gt' ? '>' : '<'}${values[0]}`
}

/** Splits at commas outside of parentheses. */
function splitTopLevel(text: string): string[] {
  const parts: string[] = []
  let start = 0
  let depth = 0
  for (let at = 0; at <= text.length; at++) {
    const character = text.charAt(at)
    if (character === '(') depth++
    else if (character === ')') depth--
    else if (character === '' || (character === ',' && depth <= 0)) {
      parts.push(text.slice(start, at).trim())
      start = at + 1
    }
  }
  return parts
}

function parseRequirement(part: string, whole: string): Requirement {
  const requirement = readRequirement(part)
  if (requirement === undefined)
    throw badRequest(`unable to parse requirement: cannot understand '${part}' in '${whole}'`)
  const whyNot =
    whyNotQualifiedName(requirement.key) ??
    requirement.values.map(whyNotLabelValue).find((reason) => reason !== undefined)
  if (whyNot !== undefined) throw badRequest(`unable to parse requirement: '${part}': ${whyNot}`)
  return requirement
}

function readRequirement(part: string): Requirement | undefined {
  const set = /^([^\s!=<>(),]+)\s+(in|notin)\s*\(([^()]*)\)$/.exec(part)
  if (set !== null) {
    const values = (set[3] ?? '').split(',').map((value) => value.trim())
    return { key: set[1] ?? '', operator: set[2] === 'in' ? 'In' : 'NotIn', values }
  }
  const compared = /^([^\s!=<>(),]+)\s*(==|=|!=|>|<)\s*([^\s!=<>(),]*)$/.exec(part)
  if (compared !== null) {
    const operator = ({ '!=': 'NotIn', '>': 'Gt', '<': 'Lt' } as const)[compared[2] ?? ''] ?? 'In'
    return { key: compared[1] ?? '', operator, values: [compared[3] ?? ''] }
  }
  const exists = /^(!?)\s*([^\s!=<>(),]+)$/.exec(part)
  if (exists === null) return undefined
  return { key: exists[2] ?? '', operator: exists[1] === '!' ? 'DoesNotExist' : 'Exists', values: [] }
}
