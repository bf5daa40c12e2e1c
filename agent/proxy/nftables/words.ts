// How the two address families are written in the tables of Services.

import type { Family } from '../../../api/objects/addresses.ts'

/** The words that differ between the two address families. */
interface Words {
  /** Family of the table, and of addresses in rules. */
  ip: 'ip' | 'ip6'
  type: string
  /** Stands for "any address of this node" in keys of node ports. */
  any: string
  loopback: string
}

export const words: Record<Family, Words> = {
  ipv4: { ip: 'ip', type: 'ipv4_addr', any: '0.0.0.0', loopback: '127.0.0.0/8' },
  ipv6: { ip: 'ip6', type: 'ipv6_addr', any: '::', loopback: '::1' },
}

/** "ip kube-proxy" or "ip6 kube-proxy", as kube-proxy names them. */
export function tableName(family: Family): string {
  return `${words[family].ip} kube-proxy`
}

/** The address in keys that belong to a node port. */
export function anyAddress(family: Family): string {
  return words[family].any
}
