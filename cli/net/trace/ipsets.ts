// Membership in ipsets, read from the text of `ipset save`.

import { isWithin } from './address.ts'
import type { RuleContext } from './rules.ts'
import type { Namespace } from './world.ts'

interface IpSet {
  type: string
  /** The elements as ipset prints them, "10.0.0.0/8,tcp:80", and the mark that each gives, "0x10000/0xffff0000", or "". */
  elements: Map<string, string>
}

const known = new WeakMap<Namespace, Map<string, IpSet>>()

/** Whether the packet is in the set, seen from these sides ("src", "dst"), one for each dimension. */
export function isInSet(context: RuleContext, name: string, sides: readonly string[]): boolean {
  return markInSet(context, name, sides) !== undefined
}

/** The mark that the packet's element of the set gives, "" when it gives none; undefined when the packet is not in it. */
export function markInSet(context: RuleContext, name: string, sides: readonly string[]): string | undefined {
  const set = setsOf(context.namespace).get(name)
  if (set === undefined) return undefined
  const isList = set.type === 'list:set'
  const dimensions = set.type.split(':')[1]?.split(',') ?? []
  for (const [element, mark] of set.elements) {
    const parts = element.split(',')
    const isIn = isList
      ? isInSet(context, element, sides)
      : dimensions.every((dimension, at) => isPart(context, dimension, parts[at] ?? '', sides[at] ?? 'src'))
    if (isIn) return mark
  }
  return undefined
}

/** bitmap:port and hash:port print ports alone; others with their protocol. */
function isPart({ packet, iif, oif }: RuleContext, dimension: string, text: string, side: string): boolean {
  const isSource = side === 'src'
  switch (dimension) {
    case 'ip':
    case 'net':
      return isWithin(isSource ? packet.source : packet.destination, text === '0.0.0.0/0' ? '0.0.0.0/0' : text)
    case 'port': {
      const [protocol, range = ''] = text.includes(':') ? text.split(':') : [packet.protocol, text]
      const [first = '', last = first] = range.split('-')
      const port = isSource ? packet.sourcePort : packet.port
      return protocol === packet.protocol && port >= Number(first) && port <= Number(last)
    }
    case 'iface':
      return (isSource ? iif : oif) === text
    case 'mark':
      return packet.mark === Number(text)
    default:
      return false
  }
}

function setsOf(namespace: Namespace): Map<string, IpSet> {
  const before = known.get(namespace)
  if (before !== undefined) return before
  const sets = new Map<string, IpSet>()
  for (const line of namespace.state.ipsets.split('\n')) {
    const [verb, name = '', what = ''] = line.split(' ')
    if (verb === 'create') sets.set(name, { type: what, elements: new Map() })
    if (verb === 'add' && !line.includes(' nomatch'))
      sets.get(name)?.elements.set(what, / skbmark (\S+)/.exec(line)?.[1] ?? '')
  }
  known.set(namespace, sets)
  return sets
}
