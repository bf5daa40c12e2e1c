// What stands in brackets: an index, a slice, a key, several of them, or a filter.

import { type Filter, operators, type Slice, type Step } from './nodes.ts'
import { readSteps } from './parse.ts'
import type { Scanner } from './scanner.ts'

/** The steps of the brackets that begin here. */
export function readBrackets(scanner: Scanner): Step[] {
  if (scanner.sees('[?(')) return [readFilter(scanner)]
  const at = scanner.at
  const text = scanner.takeMatch(/\[[^\]\n]*\]/y)
  if (text === undefined) scanner.fail('this bracket is not closed', at)
  const entries = text.slice(1, -1).split(',')
  if (entries.length === 1) return readEntry(scanner, text.slice(1, -1), at)
  return [{ kind: 'union', branches: entries.map((entry) => readEntry(scanner, entry.trim(), at)) }]
}

function readEntry(scanner: Scanner, entry: string, at: number): Step[] {
  const [, key] = /^'([^']*)'$/.exec(entry) ?? []
  if (key !== undefined) return toFields(key)
  return [readSlice(scanner, entry === '*' ? ':' : entry, at)]
}

/** Dots part names here as outside of brackets, unless escaped. */
function toFields(key: string): Step[] {
  const names = key.match(/(?:\\.|[^\\.])+/g) ?? ['']
  return names.map((name) => ({ kind: 'field', name: name.replaceAll('\\', '') }))
}

function readSlice(scanner: Scanner, text: string, at: number): Slice {
  const parts = /^(-?\d*)(?::(-?\d*))?(?::(-?\d*))?$/.exec(text)
  if (parts === null || parts.slice(1).includes('-')) {
    scanner.fail(`[${text}] is no index such as [0], no slice such as [0:2] and no key such as ['name']`, at)
  }
  const [, from = '', to, stride = ''] = parts
  return {
    kind: 'slice',
    at,
    from: Number(from),
    to: to === undefined ? 'next' : to === '' ? 'end' : Number(to),
    stride: stride === '' ? 1 : Number(stride),
  }
}

function readFilter(scanner: Scanner): Filter {
  const begin = scanner.at
  scanner.take('[?(')
  const left = readSteps(scanner, { until: '!<>=)', begin })
  const operator = operators.find((candidate) => scanner.take(candidate))
  const right = operator === undefined ? [] : readSteps(scanner, { until: ')', begin })
  if (!scanner.take(')]')) scanner.fail(`a filter compares with ${operators.join(' ')} once, and ends in )]`)
  return { kind: 'filter', at: begin, left, ...(operator !== undefined && { comparison: { operator, right } }) }
}
