// Who may come by a load balancer's addresses, as spec.loadBalancerSourceRanges says. Pure.

import { canonicalRange, rangesOverlap } from '../../api/objects/addresses.ts'

/** Ranges in canonical form, none of them within another; empty: everybody may. Throws for what is no range. */
export function toSourceRanges(ranges: readonly string[]): string[] {
  const distinct = [...new Set(ranges.map((range) => canonicalRange(range.trim())))]
  // The kernel's sets take neither a range of everything nor, in nftables, one that overlaps another.
  if (distinct.some((range) => lengthOf(range) === 0)) return []
  return distinct.filter((range) => !distinct.some((other) => isWithin(range, other)))
}

/** Whether one range is a smaller part of the other. */
function isWithin(range: string, other: string): boolean {
  return lengthOf(range) > lengthOf(other) && rangesOverlap(range, other)
}

function lengthOf(range: string): number {
  return Number(range.split('/')[1])
}
