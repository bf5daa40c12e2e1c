// The arithmetic of a rolling update: how far the newest replica set may grow now, how far the old ones must shrink.
// Never more than replicas + maxSurge pods are asked for, never fewer than replicas - maxUnavailable are left available.

import type { Deployment, ReplicaSet } from '../../../api/generated/types.ts'
import type { Stored } from '../../../api/objects/object.ts'
import { resolveLimits } from './limits.ts'
import type { Family } from './replica-sets.ts'

/** A replica set and the size it is to have. */
export interface Sizing {
  replicaSet: Stored<ReplicaSet>
  replicas: number
}

/** Replicas that are asked for. */
export const sizeOf = ({ spec }: Stored<ReplicaSet>) => spec.replicas ?? 1
/** Replicas that take traffic. */
export const availableOf = ({ status }: Stored<ReplicaSet>) => status?.availableReplicas ?? 0
/** Sums over replica sets. */
export const sum = (sets: Stored<ReplicaSet>[], count: (set: Stored<ReplicaSet>) => number) =>
  sets.reduce((total, set) => total + count(set), 0)

/** The size of the newest replica set, whether it exists (with size) or is about to be made (0). */
export function newestSize({ spec }: Stored<Deployment>, { newest, old }: Family): number {
  const wanted = spec.replicas ?? 1
  const size = newest === undefined ? 0 : sizeOf(newest)
  if (size >= wanted || spec.strategy?.type === 'Recreate') return wanted
  const room = wanted + resolveLimits(spec).maxSurge - sum(old, sizeOf) - size
  return room <= 0 ? size : size + Math.min(room, wanted - size)
}

/** The old replica sets that must shrink, with their new sizes. Those pods that do not work go first. */
export function shrinkOld({ spec }: Stored<Deployment>, { newest, old }: Family): Sizing[] {
  const all = newest === undefined ? old : [newest, ...old]
  const minAvailable = (spec.replicas ?? 1) - resolveLimits(spec).maxUnavailable
  const newestUnavailable = newest === undefined ? 0 : sizeOf(newest) - availableOf(newest)
  const room = sum(all, sizeOf) - minAvailable - newestUnavailable
  if (room <= 0) return []
  const cleaned = take(old, room, (set) => sizeOf(set) - availableOf(set))
  const afterCleanUp = old.map((set) => ({ set, size: cleaned.get(set) ?? sizeOf(set) }))
  // A set that was just told to shrink still reports pods that are on their way out.
  const spare = Math.max(0, sum(all, (set) => Math.min(availableOf(set), sizeOf(set))) - minAvailable)
  const sizes = new Map(cleaned)
  let left = spare
  for (const { set, size } of afterCleanUp) {
    const less = Math.min(size, left)
    if (less > 0) sizes.set(set, size - less)
    left -= less
  }
  return [...sizes].map(([replicaSet, replicas]) => ({ replicaSet, replicas }))
}

/** Takes up to total from the sets, oldest first, no more than each has to spare; returns the sizes that changed. */
function take(sets: Stored<ReplicaSet>[], total: number, spareOf: (set: Stored<ReplicaSet>) => number) {
  const sizes = new Map<Stored<ReplicaSet>, number>()
  let left = total
  for (const set of sets) {
    const less = Math.min(Math.max(0, spareOf(set)), left)
    if (less > 0) sizes.set(set, sizeOf(set) - less)
    left -= less
  }
  return sizes
}
