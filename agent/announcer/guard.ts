// A balancer's address is on the node's link, but it is not the node: what is not for a port of its Service is refused, so that
// nobody reaches the node's own ssh by it. Pure text of nftables.

import type { Announcement } from './plan.ts'

/** Family and name of the table. */
export const guardTable = 'inet fairlead-announce'

/** What the kernel holds. */
export interface Guard {
  exists: boolean
  addresses: string[]
  /** "192.0.2.200 . tcp . 80". */
  served: string[]
  /** Whether its chain has as many rules as it should: one of another version, or one that was emptied, has not. */
  isWhole: boolean
}

/** What changes the guard: addresses that are wanted or still to be taken off the link are closed, ports of Services open. */
export function planGuard(guard: Guard, wanted: readonly Announcement[], stale: readonly string[]): string {
  const addresses = [...new Set([...wanted.map(({ address }) => address), ...stale])]
  const served = wanted.flatMap(({ address, ports }) =>
    ports.map(({ protocol, port }) => `${address} . ${protocol} . ${port}`),
  )
  if (!guard.exists && addresses.length === 0) return ''
  return [
    guard.isWhole ? '' : base,
    ...changeSet('addresses', guard.addresses, addresses),
    ...changeSet('served', guard.served, served),
  ].join('')
}

/** Reads what `nft -j list table` says of the guard. */
export function parseGuard(objects: readonly unknown[]): Guard {
  const sets = objects.flatMap((object) => (isSetObject(object) ? [object.set] : []))
  const elementsOf = (name: string) =>
    sets.filter((set) => set.name.replace(/[46]$/, '') === name).flatMap(({ elem = [] }) => elem.map(toText))
  return {
    exists: objects.length > 0,
    addresses: elementsOf('addresses'),
    served: elementsOf('served'),
    isWhole: objects.filter(isRuleObject).length === rules.length,
  }
}

function changeSet(name: string, now: readonly string[], wanted: readonly string[]): string[] {
  return (['4', '6'] as const).flatMap((family) => {
    const isOurs = (element: string) => (element.split(' ')[0] ?? '').includes(':') === (family === '6')
    const add = wanted.filter((element) => isOurs(element) && !now.includes(element))
    const remove = now.filter((element) => isOurs(element) && !wanted.includes(element))
    const line = (verb: string, elements: readonly string[]) =>
      elements.length === 0 ? [] : [`${verb} element ${guardTable} ${name}${family} { ${elements.join(', ')} }\n`]
    return [...line('add', add), ...line('delete', remove)]
  })
}

interface SetObject {
  set: { name: string; elem?: unknown[] }
}

function isSetObject(object: unknown): object is SetObject {
  return typeof object === 'object' && object !== null && 'set' in object
}

function isRuleObject(object: unknown): boolean {
  return typeof object === 'object' && object !== null && 'rule' in object
}

function toText(element: unknown): string {
  const isConcat = typeof element === 'object' && element !== null && 'concat' in element
  return isConcat && Array.isArray(element.concat) ? element.concat.join(' . ') : String(element)
}

const rules = [
  // Answers to the node's own connections, should it ever choose the address as their source. Only what some rule let in, or the
  // node itself began, is ever established: what is refused leaves no entry behind.
  'ct state established,related return',
  'ct status dnat return',
  'ip daddr . meta l4proto . th dport @served4 return',
  'ip6 daddr . meta l4proto . th dport @served6 return',
  'icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } return',
  `ip daddr @addresses4 counter reject comment "not a port of the load balancer's Service"`,
  `ip6 daddr @addresses6 counter reject comment "not a port of the load balancer's Service"`,
]

/** Makes what is missing of the table, and its rules anew. */
const base = `table ${guardTable} {
  set addresses4 {
    type ipv4_addr
    comment "load balancer addresses that this node has taken"
  }
  set addresses6 {
    type ipv6_addr
  }
  set served4 {
    type ipv4_addr . inet_proto . inet_service
    comment "where Services answer on them"
  }
  set served6 {
    type ipv6_addr . inet_proto . inet_service
  }
  chain input {
    type filter hook input priority filter; policy accept;
  }
}
flush chain ${guardTable} input
${rules.map((rule) => `add rule ${guardTable} input ${rule}\n`).join('')}`
