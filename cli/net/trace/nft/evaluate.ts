// Values of nftables' expressions for one packet.

import type { RuleContext } from '../rules.ts'
import { calculate } from './arithmetic.ts'
import { elementsOf, isEqual } from './compare.ts'
import { readFib, readMeta, readPayload, readTracked } from './fields.ts'
import { formatValue } from './format.ts'
import { isObject, type Json, type NftTable } from './model.ts'
import { CannotEvaluate, other, type Value } from './value.ts'

/** Throws CannotEvaluate. */
export function evaluate(expression: Json, context: RuleContext, table: NftTable): Value | typeof other {
  if (typeof expression === 'string' || typeof expression === 'number') return expression
  if (!isObject(expression)) throw new CannotEvaluate(JSON.stringify(expression))
  const [name = '', inner = null] = Object.entries(expression)[0] ?? []
  const object = isObject(inner) ? inner : {}
  const evaluateAll = (parts: Json) => (Array.isArray(parts) ? parts : []).map((part) => evaluate(part, context, table))
  switch (name) {
    case 'payload':
      return readPayload(object, context)
    case 'meta':
      return readMeta(String(object.key), context)
    case 'ct':
      return readTracked(String(object.key), object.dir, context)
    case 'fib':
      return readFib(object, context)
    case 'concat': {
      const parts = evaluateAll(inner)
      return parts.includes(other) ? other : (parts as Value[])
    }
    case 'numgen':
    case 'jhash':
    case 'symhash':
      return context.choose(Number(object.mod)) + Number(object.offset ?? 0)
    case '&':
    case '|':
    case '^':
    case '<<':
    case '>>':
      return calculate(name, evaluateAll(inner))
    case 'map': {
      const key = evaluate(object.key ?? null, context, table)
      return key === other ? other : (lookUp(object.data ?? null, key, table)?.value ?? other)
    }
    default:
      throw new CannotEvaluate(name)
  }
}

/** The element of a map that holds the key. */
export function lookUp(
  data: Json,
  key: Value,
  table: NftTable,
): { value: Value; raw: Json; element: Json } | undefined {
  for (const pair of elementsOf(data, table)) {
    if (!Array.isArray(pair) || pair.length !== 2) continue
    const [element = null, value = null] = pair
    if (!isEqual(key, element)) continue
    // nft 1.0 cannot print values of some types that a map was declared with.
    if (JSON.stringify(value).includes('[invalid type]'))
      throw new CannotEvaluate(`the value of ${formatValue(element)}`)
    return { value: toValue(value), raw: value, element }
  }
  return undefined
}

function toValue(json: Json): Value {
  if (isObject(json) && Array.isArray(json.concat)) return json.concat.map(toValue)
  if (isObject(json) && isObject(json.elem)) return toValue(json.elem.val ?? null)
  return typeof json === 'number' ? json : String(json)
}
