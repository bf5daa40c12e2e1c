// Decides what becomes of one object. Pure.
// https://kubernetes.io/docs/concepts/architecture/garbage-collection/

import type { OwnerReference } from '../../../api/generated/types.ts'
import { foregroundFinalizer, type GraphNode, orphanFinalizer, ownersOf } from './graph.ts'

/** Of an owner: there to stay, gone, or going and waiting for its dependents to go first. */
export type OwnerState = 'solid' | 'absent' | 'waiting'

/** What to do with an object. */
export type Verdict =
  | { type: 'keep' }
  | { type: 'delete'; propagationPolicy: 'Foreground' | 'Background' | 'Orphan' }
  | { type: 'setOwners'; ownerReferences: OwnerReference[] }
  | { type: 'orphanDependents' }
  | { type: 'removeFinalizer'; finalizer: string }

/** Judges an object by its owners' states (in the order of its references) and its dependents. */
export function judge({ metadata }: GraphNode, states: OwnerState[], dependents: GraphNode[]): Verdict {
  if (metadata.deletionTimestamp !== undefined) return judgeDeleting(metadata, dependents)
  const owners = ownersOf(metadata)
  if (owners.length === 0) return { type: 'keep' }
  const solid = owners.filter((_, i) => states[i] === 'solid')
  if (solid.length === owners.length) return { type: 'keep' }
  if (solid.length > 0) return { type: 'setOwners', ownerReferences: solid }
  const isAwaited = states.includes('waiting') && dependents.length > 0
  return { type: 'delete', propagationPolicy: isAwaited ? 'Foreground' : 'Background' }
}

function judgeDeleting({ uid, finalizers = [] }: GraphNode['metadata'], dependents: GraphNode[]): Verdict {
  if (finalizers.includes(orphanFinalizer)) {
    return dependents.length > 0
      ? { type: 'orphanDependents' }
      : { type: 'removeFinalizer', finalizer: orphanFinalizer }
  }
  if (!finalizers.includes(foregroundFinalizer)) return { type: 'keep' }
  const isBlocked = dependents.some(({ metadata }) =>
    ownersOf(metadata).some((owner) => owner.uid === uid && owner.blockOwnerDeletion === true),
  )
  return isBlocked ? { type: 'keep' } : { type: 'removeFinalizer', finalizer: foregroundFinalizer }
}
