// Who may come by a load balancer's addresses, as spec.loadBalancerSourceRanges says. Pure.

import { canonicalRange, isInRange, rangesOverlap } from '../../api/objects/addresses.ts'

/** The node that connections are let in by. All addresses are of the ranges' family, or do not count. */
export interface Doorkeeper {
  nodeIps: readonly string[]
  loadBalancerIps: readonly string[]
}

/** Ranges in canonical form, none of them within another; empty: everybody may. Throws for what is no range. */
export function toSourceRanges(ranges: readonly string[], doorkeeper: Doorkeeper): string[] {
  const listed = ranges.map((range) => canonicalRange(range.trim()))
  const distinct = [...new Set([...listed, ...ownRanges(listed, doorkeeper)])]
  // The kernel's sets take neither a range of everything nor, in nftables, one that overlaps another.
  if (distinct.some((range) => lengthOf(range) === 0)) return []
  return distinct.filter((range) => !distinct.some((other) => isWithin(range, other)))
}

/**
 * A node that has the load balancer's address asks it from that very address: it may where one of its own may. So do the rules
 * of kube-proxy.
 */
function ownRanges(ranges: readonly string[], { nodeIps, loadBalancerIps }: Doorkeeper): string[] {
  const isAllowed = ranges.some((range) => nodeIps.some((ip) => isInRange(ip, range)))
  return isAllowed ? loadBalancerIps.map((ip) => `${ip}/${ip.includes(':') ? 128 : 32}`) : []
}

/** Whether one range is a smaller part of the other. */
function isWithin(range: string, other: string): boolean {
  return lengthOf(range) > lengthOf(other) && rangesOverlap(range, other)
}

function lengthOf(range: string): number {
  return Number(range.split('/')[1])
}
