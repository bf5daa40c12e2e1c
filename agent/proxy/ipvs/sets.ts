// The sets that the fixed iptables rules look into, by the names that kube-proxy gives them (pkg/proxy/ipvs/ipset.go).

import type { Family } from '../../../api/objects/addresses.ts'

/** What each set is, without the family's part of the name. */
const setTypes = {
  /** ClusterIP and port. */
  'CLUSTER-IP': 'hash:ip,port',
  'EXTERNAL-IP': 'hash:ip,port',
  'EXTERNAL-IP-LOCAL': 'hash:ip,port',
  /** Addresses of load balancers, under whichever policy. */
  'LOAD-BALANCER': 'hash:ip,port',
  'LOAD-BALANCER-LOCAL': 'hash:ip,port',
  /** Those of them that have source ranges, and the ranges. */
  'LOAD-BALANCER-FW': 'hash:ip,port',
  'LOAD-BALANCER-SOURCE-CIDR': 'hash:ip,port,net',
  /** Endpoints of this node that reach themselves through their Service. */
  'LOOP-BACK': 'hash:ip,port,ip',
  /** Node ports under whichever policy. bitmap:port knows TCP and UDP alone. */
  'NODE-PORT-TCP': 'bitmap:port',
  'NODE-PORT-UDP': 'bitmap:port',
  'NODE-PORT-SCTP-HASH': 'hash:ip,port',
  'NODE-PORT-LOCAL-TCP': 'bitmap:port',
  'NODE-PORT-LOCAL-UDP': 'bitmap:port',
  'NODE-PORT-LOCAL-SCTP-HASH': 'hash:ip,port',
  /** Doors under the policy Local, with the mark by which the cluster's own clients reach all endpoints. */
  'IPVS-INTERNAL': 'hash:ip,port',
  /** Doors whose policy Local finds no endpoint on this node, while there are others elsewhere: packets are dropped. */
  'IPVS-DROP': 'hash:ip,port',
  /** All addresses of kube-ipvs0: nothing of the node itself may answer there. */
  'IPVS-IPS': 'hash:ip',
} as const

export type SetKind = keyof typeof setTypes

const kinds = Object.keys(setTypes) as SetKind[]

/** What a set's traffic may do once an address is in it; these are filled last and emptied first. */
const openers: readonly SetKind[] = [
  'CLUSTER-IP',
  'EXTERNAL-IP',
  'EXTERNAL-IP-LOCAL',
  'LOAD-BALANCER',
  'LOAD-BALANCER-LOCAL',
]

/** The kernel allows 31 characters, and kube-proxy cuts there too. */
export function setName(family: Family, kind: SetKind): string {
  return `${family === 'ipv6' ? 'KUBE-6-' : 'KUBE-'}${kind}`.slice(0, 31)
}

/** Names of all sets of the families. */
export function setNames(families: readonly Family[]): string[] {
  return families.flatMap((family) => kinds.map((kind) => setName(family, kind)))
}

const openerNames = new Set(
  (['ipv4', 'ipv6'] as const).flatMap((family) => openers.map((kind) => setName(family, kind))),
)

/** Whether being in this set lets packets in. */
export function isOpener(name: string): boolean {
  return openerNames.has(name)
}

/** A line of `ipset restore` for each set. */
export function createLines(family: Family): string[] {
  return kinds.map((kind) => {
    const type = setTypes[kind]
    const options =
      type === 'bitmap:port' ? 'range 0-65535' : `family ${family === 'ipv6' ? 'inet6' : 'inet'} maxelem 1048576`
    return `create ${setName(family, kind)} ${type} ${options} comment${kind === 'IPVS-INTERNAL' ? ' skbinfo' : ''}`
  })
}
