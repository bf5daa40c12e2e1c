// What devices of tunnels have in common: an MTU, their state, addresses of this node's own packets into them.

import type { Difference } from '../../api/net/difference.ts'
import type { Link } from '../../cni/linux/ip.ts'
import type { Repair } from './repair.ts'

export interface TunnelDevice {
  name: string
  mtu: number
  /** What this node's own packets into tunnels come from; replies find their way by the range's route. */
  addresses: readonly string[]
}

/** The pod ranges' own addresses, which no pod is ever given. */
export function tunnelAddresses(ranges: readonly string[]): string[] {
  return ranges.map((range) => `${range.split('/')[0]}/${range.includes(':') ? 128 : 32}`)
}

/** The line of `ip -batch` that gives the device an address. */
export function addAddress(name: string, address: string): string {
  // Nobody else can have it: duplicate address detection would only keep it unusable for a second.
  return `addr add ${address} dev ${name}${address.includes(':') ? ' nodad' : ''}`
}

/** A device that is there and that nothing wants. */
export function extraDevice(name: string, owner: string): Repair {
  return { differences: [{ kind: 'link', name, state: 'extra', owner }], ip: [`link delete ${name}`] }
}

/** What must change so that a device that can stay is as wanted. */
export function compareDevice({ name, ...wanted }: TunnelDevice, link: Link, owner: string): Repair[] {
  const { mtu, flags, addr_info = [] } = link
  const repairs: Repair[] = []
  const add = (difference: Omit<Difference, 'owner'>, line: string) =>
    repairs.push({ differences: [{ ...difference, owner }], ip: [line] })
  if (mtu !== wanted.mtu)
    add(
      { kind: 'mtu', name, state: 'different', detail: `is ${mtu}, wanted ${wanted.mtu}` },
      `link set ${name} mtu ${wanted.mtu}`,
    )
  if (flags?.includes('UP') !== true)
    add({ kind: 'link', name, state: 'different', detail: 'is down' }, `link set ${name} up`)
  const present = addr_info.map(({ local, prefixlen }) => `${local}/${prefixlen}`)
  for (const address of present.filter((each) => !wanted.addresses.includes(each) && !each.startsWith('fe80:')))
    add({ kind: 'address', name: `${address} dev ${name}`, state: 'extra' }, `addr del ${address} dev ${name}`)
  for (const address of wanted.addresses.filter((each) => !present.includes(each)))
    add({ kind: 'address', name: `${address} dev ${name}`, state: 'missing' }, addAddress(name, address))
  return repairs
}
