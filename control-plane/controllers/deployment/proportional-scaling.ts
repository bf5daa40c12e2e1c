// Scaling in the middle of a rollout: every replica set gets its share, so that a bad version does not take all of what
// is added. https://kubernetes.io/docs/concepts/workloads/controllers/deployment/#proportional-scaling

import type { Deployment, ReplicaSet } from '../../../api/generated/types.ts'
import type { Stored } from '../../../api/objects/object.ts'
import { desiredOf, maxOf } from './annotations.ts'
import { resolveLimits } from './limits.ts'
import { byAge, type Family } from './replica-sets.ts'
import { availableOf, type Sizing, sizeOf, sum } from './rolling-update.ts'

/** True if the deployment's size changed since one of its active replica sets was sized. */
export function isScalingEvent({ spec }: Stored<Deployment>, { newest, old }: Family): boolean {
  const active = [...old, ...(newest === undefined ? [] : [newest])].filter((set) => sizeOf(set) > 0)
  return active.some((set) => {
    const desired = desiredOf(set)
    return desired !== undefined && desired !== (spec.replicas ?? 1)
  })
}

/** The sizes of the replica sets at the deployment's present size. Those that keep theirs may be listed too. */
export function planScaling(deployment: Stored<Deployment>, family: Family): Sizing[] {
  const wanted = deployment.spec.replicas ?? 1
  const all = [...family.old, ...(family.newest === undefined ? [] : [family.newest])]
  const active = all.filter((set) => sizeOf(set) > 0)
  if (active.length <= 1) {
    const only = active[0] ?? family.newest ?? family.old.at(-1)
    return only === undefined ? [] : [{ replicaSet: only, replicas: wanted }]
  }
  if (isSaturated(wanted, family.newest)) {
    return active.filter((set) => set !== family.newest).map((replicaSet) => ({ replicaSet, replicas: 0 }))
  }
  return deployment.spec.strategy?.type === 'Recreate' ? [] : shareOut(deployment, active)
}

function isSaturated(wanted: number, newest: Stored<ReplicaSet> | undefined): boolean {
  return newest !== undefined && [sizeOf(newest), desiredOf(newest), availableOf(newest)].every((n) => n === wanted)
}

function shareOut(deployment: Stored<Deployment>, active: Stored<ReplicaSet>[]): Sizing[] {
  const wanted = deployment.spec.replicas ?? 1
  const allowed = wanted > 0 ? wanted + resolveLimits(deployment.spec).maxSurge : 0
  const toAdd = allowed - sum(active, sizeOf)
  const youngerFirst = toAdd > 0 ? -1 : 1
  const sorted = [...active].sort((a, b) => sizeOf(b) - sizeOf(a) || youngerFirst * byAge(a, b))
  let added = 0
  const sizings = sorted.map((replicaSet) => {
    const share = clamp(fairShare(deployment, replicaSet), toAdd - added)
    added += share
    return { replicaSet, replicas: sizeOf(replicaSet) + share }
  })
  const [largest] = sizings
  if (largest !== undefined) largest.replicas = Math.max(0, largest.replicas + toAdd - added)
  return sizings
}

/** How much the set would change if it kept its part of the whole. */
function fairShare(deployment: Stored<Deployment>, replicaSet: Stored<ReplicaSet>): number {
  const wanted = deployment.spec.replicas ?? 1
  const size = sizeOf(replicaSet)
  if (wanted === 0) return -size
  const maxBefore = maxOf(replicaSet) ?? deployment.status?.replicas ?? size
  if (maxBefore === 0) return 0
  return Math.round((size * (wanted + resolveLimits(deployment.spec).maxSurge)) / maxBefore) - size
}

/** Never beyond what is left to add (or, below 0, to remove). */
const clamp = (share: number, left: number) => (left > 0 ? Math.min(share, left) : Math.max(share, left))
