// What the kernel holds of balancers' addresses against what falls to this node, for people. Pure.

import type { Difference } from '../../api/net/difference.ts'
import { type Guard, guardTable } from './guard.ts'
import type { Announcement } from './plan.ts'

/** The node's link to its neighbours. */
export interface OnLink {
  ifname: string
  /** Its addresses, without their prefixes. */
  present: ReadonlySet<string>
  /** Those of them that should not, but may become the source of the node's own connections. */
  preferred: readonly string[]
  /** Those of them that this process has taken. */
  taken: ReadonlySet<string>
  /** On other links, which the node's address was on before. */
  strays: readonly Stray[]
}

/** An address of ours on a link where it should not be. */
export interface Stray {
  address: string
  ifname: string
}

/** What `net verify` says of the guard and of the link. */
export function compareHolding(
  guard: Guard,
  { ifname, present, preferred, taken, strays }: OnLink,
  wanted: readonly Announcement[],
): Difference[] {
  const differences: Difference[] = []
  const add = (kind: Difference['kind'], name: string, state: Difference['state'], owner: string) =>
    differences.push({ kind, name, state, owner })
  const owned = new Map(wanted.map(({ address, service }) => [address, `Service ${service}`]))
  for (const [address, owner] of owned) {
    if (!present.has(address)) add('address', `${address} dev ${ifname}`, 'missing', owner)
    if (!guard.addresses.includes(address)) add('element', `${guardTable} addresses { ${address} }`, 'missing', owner)
  }
  for (const address of preferred) {
    const owner = owned.get(address)
    if (owner === undefined) continue
    const detail = 'preferred, wanted: deprecated (preferred_lft 0)'
    differences.push({ kind: 'address', name: `${address} dev ${ifname}`, state: 'different', owner, detail })
  }
  if (guard.exists && !guard.isWhole) add('chain', `${guardTable} input`, 'different', 'load balancer addresses')
  for (const { address, ports, service } of wanted)
    for (const { protocol, port } of ports) {
      const element = `${address} . ${protocol} . ${port}`
      if (!guard.served.includes(element))
        add('element', `${guardTable} served { ${element} }`, 'missing', `Service ${service}`)
    }
  // The guard is the record of what this node has taken, unless somebody has flushed it.
  for (const address of new Set([...guard.addresses, ...taken]))
    if (!owned.has(address)) add('address', `${address} dev ${ifname}`, 'extra', 'load balancer addresses')
  for (const stray of strays) add('address', `${stray.address} dev ${stray.ifname}`, 'extra', 'load balancer addresses')
  return differences
}
