// nftables' JSON as text, close to what `nft list ruleset` prints.

import type { Json, JsonObject } from './model.ts'

/** One rule, without its comment. */
export function formatRule(statements: readonly JsonObject[]): string {
  return statements
    .map(formatStatement)
    .filter((text) => text !== '')
    .join(' ')
}

function formatStatement(statement: JsonObject): string {
  const [name = '', value = null] = Object.entries(statement)[0] ?? []
  const object = toObject(value)
  switch (name) {
    case 'match': {
      const { op = '==', left = null, right = null } = object
      return `${formatValue(left)} ${op === '==' || op === 'in' ? '' : `${op} `}${formatValue(right)}`
    }
    case 'counter':
      return ''
    case 'jump':
    case 'goto':
      return `${name} ${object.target}`
    case 'vmap':
      return `${formatValue(object.key ?? null)} vmap ${formatValue(object.data ?? null)}`
    case 'dnat':
    case 'snat':
      return `${name} to ${formatValue(object.addr ?? null)}${object.port === undefined ? '' : `:${formatValue(object.port)}`}`
    case 'redirect':
      return `redirect to :${formatValue(object.port ?? null)}`
    case 'mangle':
      return `${formatValue(object.key ?? null)} set ${formatValue(object.value ?? null)}`
    case 'reject':
      return object.expr === undefined ? 'reject' : `reject with ${object.type} ${formatValue(object.expr)}`
    case 'log':
      return 'log'
    case 'set':
      return `${object.op} ${object.set} { ${formatValue(object.elem ?? null)} }`
    default:
      return value === null ? name : `${name} ${formatValue(value)}`.trim()
  }
}

/** An expression, element or value. */
export function formatValue(value: Json): string {
  if (value === null) return ''
  if (Array.isArray(value)) return `{ ${value.map(formatPair).join(', ')} }`
  if (typeof value !== 'object') return String(value)
  const [name = '', inner = null] = Object.entries(value)[0] ?? []
  const object = toObject(inner)
  switch (name) {
    case 'payload':
      return `${object.protocol} ${object.field}`
    case 'meta':
      return /^(iifname|oifname|iif|oif|mark)$/.test(String(object.key)) ? String(object.key) : `meta ${object.key}`
    case 'ct':
      return `ct ${object.dir === undefined ? '' : `${object.dir} `}${object.key}`
    case 'fib':
      return `fib ${[object.flags].flat().map(String).join(' . ')} ${object.result}`
    case 'prefix':
      return `${object.addr}/${object.len}`
    case 'range':
      return (inner as Json[]).map(formatValue).join('-')
    case 'concat':
      return (inner as Json[]).map(formatValue).join(' . ')
    case 'set':
      return formatValue(inner)
    case 'elem':
      return formatValue(object.val ?? null)
    case 'map':
      return `${formatValue(object.key ?? null)} map ${formatValue(object.data ?? null)}`
    case 'numgen':
      return `numgen ${object.mode} mod ${object.mod}`
    case 'goto':
    case 'jump':
      return `${name} ${object.target}`
    case '&':
    case '|':
    case '^':
      return (inner as Json[]).map(formatValue).join(` ${name} `)
    default:
      return inner === null ? name : `${name} ${formatValue(inner)}`
  }
}

/** Long sets are cut: a rule is one line. */
const shownElements = 6

function formatPair(pair: Json, at: number): string {
  if (at > shownElements) return ''
  if (at === shownElements) return '…'
  if (Array.isArray(pair) && pair.length === 2) return pair.map(formatValue).join(' : ')
  return formatValue(pair)
}

function toObject(value: Json): JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? value : {}
}
