// Values of nftables expressions for one packet, and whether they are in what a rule compares them with.

import ipaddr from 'ipaddr.js'
import type { TraceProtocol } from '../../../../api/net/trace.ts'
import { isWithin } from '../address.ts'
import type { RuleContext } from '../rules.ts'
import { addressType, flagsOf } from '../tests.ts'
import { formatValue } from './format.ts'
import { type Elements, isObject, type Json, type JsonObject, type NftTable } from './model.ts'

/** Of concatenations, a list. */
export type Value = string | number | readonly Value[]

/** The rule is about another kind of packet: it does not match, and that is no secret. */
export const other = Symbol('other kind of packet')

/** An expression that is not known here. */
export class CannotEvaluate extends Error {}

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
      return key === other ? other : (lookUp(object.data ?? null, key, context, table)?.value ?? other)
    }
    default:
      throw new CannotEvaluate(name)
  }
}

/** The element of a map that holds the key. */
export function lookUp(
  data: Json,
  key: Value,
  _context: RuleContext,
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

/** Elements of "@name" or of a set that is written in the rule. */
function elementsOf(data: Json, table: NftTable): Elements {
  if (typeof data === 'string') return table.sets.get(data.replace(/^@/, '')) ?? []
  if (isObject(data) && Array.isArray(data.set)) return data.set
  return Array.isArray(data) ? data : []
}

/** Whether a value is the same as, or within, what a rule compares it with. Of a named set, the element is told. */
export function isIn(
  value: Value,
  right: Json,
  table: NftTable,
  onElement?: (element: Json | undefined) => void,
): boolean {
  if (typeof right === 'string' && right.startsWith('@')) {
    const element = elementsOf(right, table).find((each) => isEqual(value, each))
    onElement?.(element)
    return element !== undefined
  }
  if (isObject(right) && 'set' in right) return elementsOf(right, table).some((element) => isEqual(value, element))
  if (Array.isArray(right)) return right.some((element) => isEqual(value, element))
  return isEqual(value, right)
}

function isEqual(value: Value, right: Json): boolean {
  if (isObject(right)) {
    if (isObject(right.elem)) return isEqual(value, right.elem.val ?? null)
    if (isObject(right.prefix)) return isWithin(String(value), `${right.prefix.addr}/${right.prefix.len}`)
    if (Array.isArray(right.range)) return isInRange(value, right.range)
    if (Array.isArray(right.concat)) {
      const { concat } = right
      return Array.isArray(value) && concat.every((part, at) => isEqual(value[at] ?? '', part))
    }
    return false
  }
  if (right === '*') return true
  if (Array.isArray(value)) return value.some((part) => isEqual(part, right))
  return (
    toComparable(value as string | number) === toComparable(right as string | number) || isSameAddress(value, right)
  )
}

function isSameAddress(value: Value, right: Json): boolean {
  return typeof value === 'string' && typeof right === 'string' && /[.:]/.test(right) && isWithin(value, right)
}

function isInRange(value: Value, [first = null, last = null]: Json[]): boolean {
  if (typeof value === 'string' && /[.:]/.test(value)) return isWithin(value, `${first}-${last}`)
  const number = Number(toComparable(value as string | number))
  return number >= Number(first) && number <= Number(last)
}

const names: Record<string, string | number> = {
  icmp: 'icmp',
  'ipv6-icmp': 'icmp',
  icmpv6: 'icmp',
  '6': 'tcp',
  '17': 'udp',
  '1': 'icmp',
  '58': 'icmp',
}

/** Protocols go by name or number; "eth+" style names by their first letters are left to nft. */
function toComparable(value: string | number | Json): string {
  return String(names[String(value)] ?? value)
}

function toValue(json: Json): Value {
  if (isObject(json) && Array.isArray(json.concat)) return json.concat.map(toValue)
  if (isObject(json) && isObject(json.elem)) return toValue(json.elem.val ?? null)
  return typeof json === 'number' ? json : String(json)
}

function readPayload({ protocol, field }: JsonObject, context: RuleContext): Value | typeof other {
  const { packet } = context
  const isIpv4 = packet.family === 'ipv4'
  const header = String(protocol)
  if (header === 'ip' || header === 'ip6') {
    if ((header === 'ip') !== isIpv4) return other
    if (field === 'saddr') return packet.source
    if (field === 'daddr') return packet.destination
    if (field === 'protocol' || field === 'nexthdr') return packet.protocol
    if (field === 'length') return packet.bytes
  }
  const transports: Record<string, TraceProtocol> = { tcp: 'tcp', udp: 'udp', icmp: 'icmp', icmpv6: 'icmp' }
  if (header !== 'th' && transports[header] !== undefined && transports[header] !== packet.protocol) return other
  if ((header === 'icmp' && !isIpv4) || (header === 'icmpv6' && isIpv4)) return other
  if (field === 'sport') return packet.sourcePort
  if (field === 'dport') return packet.port
  if (header === 'tcp' && field === 'flags') return [...flagsOf(context)].map((flag) => flag.toLowerCase())
  if (field === 'type') return packet.isAnswer === true ? 'echo-reply' : 'echo-request'
  throw new CannotEvaluate(`${protocol} ${field}`)
}

function readMeta(key: string, { packet, iif, oif }: RuleContext): Value {
  switch (key) {
    case 'iifname':
    case 'iif':
      return iif
    case 'oifname':
    case 'oif':
      return oif
    case 'l4proto':
      return packet.protocol
    case 'nfproto':
    case 'protocol':
      return packet.family
    case 'mark':
      return packet.mark
    case 'priority': {
      // nft prints it as "major:minor", in hexadecimal.
      const { priority = 0 } = packet
      return `${(priority >>> 16).toString(16)}:${(priority & 0xffff).toString(16)}`
    }
    case 'length':
      return packet.bytes
    case 'pkttype':
      return 'host'
    default:
      throw new CannotEvaluate(`meta ${key}`)
  }
}

function readTracked(key: string, direction: Json | undefined, { packet }: RuleContext): Value {
  const { tracked } = packet
  const connection = tracked?.connection
  const tuple = (direction === 'reply' ? connection?.reply : connection?.original) ?? packet
  switch (key.replace(/^ip6? /, '')) {
    case 'state':
      return (tracked?.state ?? 'INVALID').toLowerCase()
    case 'direction':
      return tracked?.direction ?? 'original'
    case 'status':
      return statusOf(packet)
    case 'mark':
      return 0
    case 'saddr':
      return tuple.source
    case 'daddr':
      return tuple.destination
    case 'proto-dst':
      return tuple.port
    case 'proto-src':
      return tuple.sourcePort
    case 'protocol':
    case 'l4proto':
      return packet.protocol
    default:
      throw new CannotEvaluate(`ct ${key}`)
  }
}

function statusOf({ tracked }: RuleContext['packet']): string[] {
  if (tracked?.connection === undefined) return []
  const { original, reply } = tracked.connection
  return [
    ...(original.destination !== reply.source || original.port !== reply.sourcePort ? ['dnat'] : []),
    ...(original.source !== reply.destination || original.sourcePort !== reply.port ? ['snat'] : []),
    ...(tracked.direction === 'reply' ? ['seen-reply'] : []),
    'confirmed',
  ]
}

function readFib({ result, flags }: JsonObject, context: RuleContext): Value {
  const about = [flags].flat()
  const { packet, namespace } = context
  const address = about.includes('saddr') ? packet.source : packet.destination
  if (result === 'type') return addressType(context, address).toLowerCase()
  const { device, type } = namespace.route({ family: packet.family, destination: address, mark: 0 })
  const isFound = type !== 'none' && (!about.includes('iif') || device === context.iif)
  return isFound ? device : 0
}

const flagBits: Record<string, number> = { fin: 1, syn: 2, rst: 4, psh: 8, ack: 16, urg: 32, ecn: 64, cwr: 128 }

function toNumber(value: Value): number {
  if (Array.isArray(value)) return value.reduce<number>((sum, part) => sum | toNumber(part), 0)
  return flagBits[String(value)] ?? Number(value)
}

function calculate(operator: string, parts: (Value | typeof other)[]): Value | typeof other {
  if (parts.includes(other)) return other
  if (operator === '&' && parts.some(isAddress)) return maskAddress(parts as Value[])
  const [first = 0, ...rest] = (parts as Value[]).map(toNumber)
  return rest.reduce((sum, next) => {
    if (operator === '&') return (sum & next) >>> 0
    if (operator === '|') return (sum | next) >>> 0
    if (operator === '^') return (sum ^ next) >>> 0
    return operator === '<<' ? (sum << next) >>> 0 : sum >>> next
  }, first)
}

const isAddress = (value: Value | typeof other) => typeof value === 'string' && ipaddr.isValid(value)

function maskAddress(parts: Value[]): string {
  const [address = [], mask = []] = parts.map((part) => ipaddr.parse(String(part)).toByteArray())
  return ipaddr.fromByteArray(address.map((byte, at) => byte & (mask[at] ?? 0))).toString()
}

/** Numbers of flags written by name, for comparisons with a calculated value. */
export function flagsAsNumber(right: Json): Json {
  if (typeof right === 'string' && flagBits[right] !== undefined) return flagBits[right]
  if (Array.isArray(right) && right.every((each) => typeof each === 'string' && flagBits[each] !== undefined))
    return right.reduce<number>((sum, each) => sum | (flagBits[String(each)] ?? 0), 0)
  if (isObject(right) && Array.isArray(right['|'])) return toNumber(right['|'].map((each) => String(each)))
  return right
}
