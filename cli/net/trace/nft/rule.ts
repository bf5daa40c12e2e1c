// One nftables rule: statements from left to right until one does not match or ends the rule.

import type { RuleReference } from '../../../../api/net/trace.ts'
import { ownerOf } from '../owner.ts'
import type { Effect, Rule, RuleContext, Verdict } from '../rules.ts'
import { flagsAsNumber } from './arithmetic.ts'
import { isIn } from './compare.ts'
import { evaluate, lookUp } from './evaluate.ts'
import { formatValue } from './format.ts'
import { isObject, type Json, type JsonObject, type NftTable } from './model.ts'
import { CannotEvaluate, other, type Value } from './value.ts'

/** How a statement ends: true goes on to the next one, false leaves the rule. */
type Outcome = boolean | Verdict

/** Statements that let the packet go on whatever they do. */
const passing = new Set([
  'counter',
  'log',
  'quota',
  'set',
  'map',
  'ct count',
  'last',
  'meter',
  'secmark',
  'dup',
  'flow',
])

export class NftRule implements Rule {
  readonly reference: RuleReference
  readonly #statements: readonly JsonObject[]
  readonly #table: NftTable

  constructor(reference: RuleReference, statements: readonly JsonObject[], table: NftTable) {
    this.reference = reference
    this.#statements = statements
    this.#table = table
  }

  apply(context: RuleContext): Effect {
    const did: string[] = []
    try {
      for (const statement of this.#statements) {
        const outcome = this.#run(statement, context, did)
        if (outcome === false) return { matched: did.length > 0, did }
        if (outcome !== true) return { matched: true, verdict: outcome, did }
      }
      return { matched: true, did }
    } catch (error) {
      if (!(error instanceof CannotEvaluate)) throw error
      return { matched: did.length > 0, unknown: `cannot evaluate "${error.message}" of this rule`, did }
    }
  }

  #run(statement: JsonObject, context: RuleContext, did: string[]): Outcome {
    const [name = '', value = null] = Object.entries(statement)[0] ?? []
    const object = isObject(value) ? value : {}
    if (passing.has(name)) return true
    switch (name) {
      case 'match':
        return this.#match(object, context)
      case 'accept':
      case 'drop':
      case 'return':
        return { kind: name }
      case 'queue':
        return { kind: 'queue' }
      case 'limit':
        // One packet alone is never more than a rate.
        return !(object.inv === true || (typeof value === 'string' && this.#table.overLimits.has(value)))
      case 'continue':
        return false
      case 'jump':
      case 'goto':
        return { kind: name, chain: String(object.target) }
      case 'reject':
        return { kind: 'reject', how: `${object.type ?? ''} ${formatValue(object.expr ?? null)}`.trim() }
      case 'vmap':
        return this.#mapVerdict(object, context, did)
      case 'notrack':
        context.packet.tracked = { state: 'UNTRACKED', direction: 'original' }
        return true
      case 'mangle':
        return this.#mangle(object, context, did)
      case 'dnat':
      case 'snat':
        return this.#translate(name, object, context, did)
      case 'masquerade':
        context.translate.masquerade()
        did.push(`masquerade as ${context.packet.source}`)
        return { kind: 'accept' }
      case 'redirect':
        context.translate.redirect(object.port === undefined ? undefined : Number(this.#value(object.port, context)))
        did.push(`redirect to ${context.packet.port}`)
        return { kind: 'accept' }
      default:
        throw new CannotEvaluate(name)
    }
  }

  #match({ op = '==', left = null, right = null }: JsonObject, context: RuleContext): boolean {
    const value = evaluate(left, context, this.#table)
    if (value === other) return false
    const wanted = isCalculated(left) ? flagsAsNumber(right) : right
    if (op === '!=') return !isIn(value, wanted, this.#table)
    if (op === '<' || op === '>' || op === '<=' || op === '>=') return compare(op, Number(value), Number(wanted))
    return isIn(value, wanted, this.#table, (element) => {
      const comment = commentOf(element ?? null)
      if (comment !== '') context.object = ownerOf(comment, this.reference.chain, this.reference.table)
    })
  }

  #mapVerdict({ key = null, data = null }: JsonObject, context: RuleContext, did: string[]): Outcome {
    const value = evaluate(key, context, this.#table)
    const found = value === other ? undefined : lookUp(data, value, this.#table)
    if (found === undefined) return false
    const where = typeof data === 'string' ? `element of ${data}` : 'vmap'
    const comment = commentOf(found.element)
    did.push(`${where}: ${formatValue(found.element)} : ${formatValue(found.raw)}`)
    if (comment !== '') context.object = ownerOf(comment, this.reference.chain, this.reference.table)
    const [name = '', target = null] = isObject(found.raw) ? (Object.entries(found.raw)[0] ?? []) : [String(found.raw)]
    if (name === 'jump' || name === 'goto') return { kind: name, chain: String(isObject(target) ? target.target : '') }
    if (name === 'accept' || name === 'drop' || name === 'return') return { kind: name }
    return false
  }

  #mangle({ key = null, value = null }: JsonObject, context: RuleContext, did: string[]): boolean {
    const field = isObject(key) && isObject(key.meta) ? key.meta.key : undefined
    if (field !== 'mark' && field !== 'priority') return true
    const found = this.#value(value, context)
    if (found === other) return false
    context.packet[field] = toWord(found)
    if (field === 'mark') did.push(`mark 0x${context.packet.mark.toString(16)}`)
    return true
  }

  #translate(name: 'dnat' | 'snat', object: JsonObject, context: RuleContext, did: string[]): Outcome {
    const { addr, port } = object
    const found = addr === undefined ? undefined : this.#value(addr, context)
    if (found === other) return false
    const [address, mappedPort] = Array.isArray(found) ? (found as Value[]) : [found]
    const plainPort = port === undefined ? mappedPort : this.#value(port, context)
    const number = plainPort === undefined || plainPort === other ? undefined : Number(plainPort)
    const text = address === undefined ? undefined : String(address)
    if (name === 'dnat') context.translate.destination(text, number)
    else context.translate.source(text, number)
    did.push(`${name === 'dnat' ? 'DNAT' : 'SNAT'} to ${text ?? ''}${number === undefined ? '' : `:${number}`}`)
    return { kind: 'accept' }
  }

  #value(expression: Json, context: RuleContext): Value | typeof other {
    return evaluate(expression, context, this.#table)
  }
}

/** 32 bits, as a number or as "major:minor" in hexadecimal. */
function toWord(value: Value): number {
  const [major, minor] = String(value).split(':')
  return minor === undefined ? Number(major) >>> 0 : ((parseInt(`${major}`, 16) << 16) | parseInt(minor, 16)) >>> 0
}

function compare(operator: string, a: number, b: number): boolean {
  if (operator === '<') return a < b
  if (operator === '>') return a > b
  return operator === '<=' ? a <= b : a >= b
}

function isCalculated(left: Json): boolean {
  return isObject(left) && ['&', '|', '^'].some((operator) => operator in left)
}

function commentOf(element: Json): string {
  return isObject(element) && isObject(element.elem) && typeof element.elem.comment === 'string'
    ? element.elem.comment
    : ''
}
