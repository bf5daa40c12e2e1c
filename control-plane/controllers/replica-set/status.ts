import type { Pod, ReplicaSet, ReplicaSetCondition, ReplicaSetStatus } from '../../../api/generated/types.ts'
import type { Stored } from '../../../api/objects/object.ts'
import { isPodActive, isPodReady, msUntilAvailable } from '../pod-state.ts'
import { toTimestamp } from '../timestamp.ts'

/** What kept a replica set from having its replicas. */
export interface Failure {
  reason: 'FailedCreate' | 'FailedDelete'
  message: string
}

/** Counts the pods. Those of a set that has none of some kind are written as 0 where Kubernetes requires the field, else left out. */
export function makeStatus(
  replicaSet: Stored<ReplicaSet>,
  pods: Stored<Pod>[],
  failure: Failure | undefined,
  nowMs: number,
): ReplicaSetStatus {
  const active = pods.filter(isPodActive)
  const labels = Object.entries(replicaSet.spec.template?.metadata?.labels ?? {})
  const count = (test: (pod: Stored<Pod>) => boolean) => active.filter(test).length
  const isLabeled = ({ metadata }: Stored<Pod>) => labels.every(([key, value]) => metadata.labels?.[key] === value)
  const isAvailable = (pod: Stored<Pod>) => msUntilAvailable(pod, replicaSet.spec.minReadySeconds ?? 0, nowMs) === 0
  const conditions = makeConditions(replicaSet.status?.conditions ?? [], failure, nowMs)
  const [fullyLabeledReplicas, readyReplicas, availableReplicas] = [
    count(isLabeled),
    count(isPodReady),
    count(isAvailable),
  ]
  return {
    replicas: active.length,
    ...(fullyLabeledReplicas > 0 && { fullyLabeledReplicas }),
    ...(readyReplicas > 0 && { readyReplicas }),
    ...(availableReplicas > 0 && { availableReplicas }),
    observedGeneration: replicaSet.metadata.generation,
    ...(conditions.length > 0 && { conditions }),
  }
}

/** Milliseconds until the next ready pod becomes available, or undefined when none is on its way. */
export function msUntilNextAvailable(
  replicaSet: Stored<ReplicaSet>,
  pods: Stored<Pod>[],
  nowMs: number,
): number | undefined {
  const waits = pods
    .filter(isPodActive)
    .map((pod) => msUntilAvailable(pod, replicaSet.spec.minReadySeconds ?? 0, nowMs) ?? 0)
    .filter((ms) => ms > 0)
  return waits.length === 0 ? undefined : Math.min(...waits)
}

function makeConditions(
  present: ReplicaSetCondition[],
  failure: Failure | undefined,
  nowMs: number,
): ReplicaSetCondition[] {
  const others = present.filter(({ type }) => type !== 'ReplicaFailure')
  if (failure === undefined) return others
  const same = present.find(({ type, reason }) => type === 'ReplicaFailure' && reason === failure.reason)
  if (same !== undefined) return present
  return [...others, { type: 'ReplicaFailure', status: 'True', lastTransitionTime: toTimestamp(nowMs), ...failure }]
}
