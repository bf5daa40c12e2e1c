// Reads JSONPath templates as kubectl knows them: https://kubernetes.io/docs/reference/kubectl/jsonpath/
// Text outside braces stands for itself; inside braces is a path, "quoted text", `range PATH` or `end`.
// Quirks that scripts may lean on are kept: $ and @ both mean the current object, [] is [0], a key in brackets is
// split at its dots unless they are escaped, and a range without end reaches to the end of the template (where kubectl
// then does the part once more, for the object that the range began in: a mistake nobody can want).

import type { Node, Step } from './nodes.ts'
import { readBrackets } from './parse-brackets.ts'
import { readQuoted } from './quoted.ts'
import { Scanner } from './scanner.ts'

/** The parts of a template. Throws TemplateError. */
export function parseTemplate(template: string): Node[] {
  return readNodes(new Scanner(template), false)
}

/** Up to the end of the template, or behind the {end} of the range that is being read. */
function readNodes(scanner: Scanner, isInRange: boolean): Node[] {
  const nodes: Node[] = []
  while (!scanner.isAtEnd) {
    const text = scanner.takeMatch(/[^{]+/y)
    if (text !== undefined) nodes.push({ kind: 'text', text })
    if (scanner.isAtEnd) break
    const at = scanner.at
    if (scanner.takeMatch(/\{\s*end\s*\}/y) !== undefined) {
      if (isInRange) return nodes
      scanner.fail('there is no {range} that this {end} could end', at)
    }
    nodes.push(readAction(scanner))
  }
  return nodes
}

function readAction(scanner: Scanner): Node {
  const begin = scanner.at
  scanner.take('{')
  const isRange = scanner.takeMatch(/ *range(?![\w])/y) !== undefined
  const steps = readSteps(scanner, { until: '}', begin })
  scanner.take('}')
  return isRange ? { kind: 'range', steps, body: readNodes(scanner, true) } : { kind: 'path', steps }
}

/** Where a path ends: before a character of `until`. `begin` is where its braces or brackets opened. */
export interface Extent {
  until: string
  begin: number
}

/** The steps of a path up to a character that ends it, which is left to the caller. */
export function readSteps(scanner: Scanner, extent: Extent): Step[] {
  const steps: Step[] = []
  for (;;) {
    scanner.takeMatch(/[ $@]+/y)
    if (scanner.isAtEnd || /[\r\n]/.test(scanner.template.charAt(scanner.at))) {
      scanner.fail(`what begins here has no ${extent.until.at(-1)}`, extent.begin)
    }
    if (extent.until.includes(scanner.template.charAt(scanner.at))) return steps
    steps.push(...readStep(scanner, steps.at(-1)))
  }
}

function readStep(scanner: Scanner, previous: Step | undefined): Step[] {
  if (scanner.sees('..')) return readDescent(scanner, previous)
  if (scanner.take('.')) return [readField(scanner)]
  if (scanner.sees('[')) return readBrackets(scanner)
  if (scanner.sees('"') || scanner.sees("'")) return [{ kind: 'literal', value: readQuoted(scanner) }]
  const number = scanner.takeMatch(/[+-]?\d+(\.\d+)?/y)
  if (number !== undefined) return [{ kind: 'literal', value: Number(number) }]
  return [readWord(scanner)]
}

function readDescent(scanner: Scanner, previous: Step | undefined): Step[] {
  if (previous?.kind === 'descent') scanner.fail('.. after .. means nothing more')
  scanner.take('..')
  const isNamed = /[\p{L}\p{N}_]/u.test(scanner.template.charAt(scanner.at))
  return isNamed ? [{ kind: 'descent' }, readField(scanner)] : [{ kind: 'descent' }]
}

/** A name up to what can follow one; a backslash takes the character behind it into the name. */
function readField(scanner: Scanner): Step {
  const name = scanner.takeMatch(/(?:\\.|[^\\\s.,[\]$@{}!<>=()])+/y) ?? ''
  return name === '*' ? { kind: 'wildcard' } : { kind: 'field', name: name.replaceAll('\\', '') }
}

function readWord(scanner: Scanner): Step {
  const at = scanner.at
  const word = scanner.takeMatch(/[\p{L}\p{N}_-]+/uy)
  if (word === undefined) scanner.fail('this character cannot be here')
  if (word === 'true' || word === 'false') return { kind: 'literal', value: word === 'true' }
  return scanner.fail(`unknown word "${word}"; the name of a field begins with a dot: .${word}`, at)
}
