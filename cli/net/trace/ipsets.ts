// Membership in ipsets, read from the text of `ipset save`.

import { isWithin } from './address.ts'
import type { RuleContext } from './rules.ts'
import type { Namespace } from './world.ts'

interface IpSet {
  type: string
  /** The elements as ipset prints them: "10.0.0.0/8,tcp:80". */
  elements: string[]
}

const known = new WeakMap<Namespace, Map<string, IpSet>>()

/** Whether the packet is in the set, seen from these sides ("src", "dst"), one for each dimension. */
export function isInSet(context: RuleContext, name: string, sides: readonly string[]): boolean {
  const sets = setsOf(context.namespace)
  const set = sets.get(name)
  if (set === undefined) return false
  if (set.type === 'list:set') return set.elements.some((element) => isInSet(context, element, sides))
  const dimensions = set.type.split(':')[1]?.split(',') ?? []
  return set.elements.some((element) => {
    const parts = element.split(',')
    return dimensions.every((dimension, at) => isPart(context, dimension, parts[at] ?? '', sides[at] ?? 'src'))
  })
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
    if (verb === 'create') sets.set(name, { type: what, elements: [] })
    if (verb === 'add' && !line.includes(' nomatch')) sets.get(name)?.elements.push(what)
  }
  known.set(namespace, sets)
  return sets
}
