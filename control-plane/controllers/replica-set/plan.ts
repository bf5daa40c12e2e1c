// Decides what a replica set lacks or has too much of, and which pods go first.
// Order: https://kubernetes.io/docs/concepts/workloads/controllers/replicaset/#scaling-a-replicaset

import type { Pod, ReplicaSet } from '../../../api/generated/types.ts'
import type { Stored } from '../../../api/objects/object.ts'
import { isPodActive, isPodReady, podCondition } from '../pod-state.ts'
import { parseTimestamp } from '../timestamp.ts'

/** One of both is empty. */
export interface ReplicaPlan {
  create: number
  remove: Stored<Pod>[]
}

/** More than this is not started or ended in one go. */
const burst = 500

/**
 * Compares what is wanted with the set's pods. related are the active pods of all replica sets with the same owner:
 * a node that has many of them is relieved first.
 */
export function planReplicas(
  replicaSet: Stored<ReplicaSet>,
  pods: Stored<Pod>[],
  related: Stored<Pod>[] = pods,
): ReplicaPlan {
  if (replicaSet.metadata.deletionTimestamp !== undefined) return { create: 0, remove: [] }
  const active = pods.filter(isPodActive)
  const missing = (replicaSet.spec.replicas ?? 1) - active.length
  if (missing >= 0) return { create: Math.min(missing, burst), remove: [] }
  return { create: 0, remove: rankForDeletion(active, related).slice(0, Math.min(-missing, burst)) }
}

/** The pods that are missed least come first. */
export function rankForDeletion(pods: Stored<Pod>[], related: Stored<Pod>[]): Stored<Pod>[] {
  const perNode = new Map<string, number>()
  for (const { spec } of related) perNode.set(spec.nodeName ?? '', (perNode.get(spec.nodeName ?? '') ?? 0) + 1)
  const neighbours = (pod: Stored<Pod>) => perNode.get(pod.spec.nodeName ?? '') ?? 0
  return [...pods].sort((a, b) => compareWorth(a, b) || neighbours(b) - neighbours(a) || compareAge(a, b))
}

const phaseRank: Record<string, number> = { Pending: 0, Unknown: 1, Running: 2 }

function compareWorth(a: Stored<Pod>, b: Stored<Pod>): number {
  return (
    Number(hasNode(a)) - Number(hasNode(b)) ||
    phaseOf(a) - phaseOf(b) ||
    Number(isPodReady(a)) - Number(isPodReady(b)) ||
    deletionCost(a) - deletionCost(b)
  )
}

/** Shorter ready goes first, then more restarts, then younger. */
function compareAge(a: Stored<Pod>, b: Stored<Pod>): number {
  return readySince(b) - readySince(a) || restarts(b) - restarts(a) || created(b) - created(a)
}

const hasNode = ({ spec }: Stored<Pod>) => (spec.nodeName ?? '') !== ''
const phaseOf = ({ status }: Stored<Pod>) => phaseRank[status?.phase ?? 'Pending'] ?? 2
const created = ({ metadata }: Stored<Pod>) => parseTimestamp(metadata.creationTimestamp)
const readySince = (pod: Stored<Pod>) =>
  isPodReady(pod) ? parseTimestamp(podCondition(pod, 'Ready')?.lastTransitionTime) : 0

function restarts({ status }: Stored<Pod>): number {
  return Math.max(0, ...(status?.containerStatuses ?? []).map(({ restartCount }) => restartCount))
}

function deletionCost({ metadata }: Stored<Pod>): number {
  const cost = Number(metadata.annotations?.['controller.kubernetes.io/pod-deletion-cost'] ?? 0)
  return Number.isInteger(cost) ? cost : 0
}
