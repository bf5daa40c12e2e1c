// What controllers read out of a pod's status.

import type { Pod, PodCondition } from '../../api/generated/types.ts'
import type { Stored } from '../../api/objects/object.ts'
import { parseTimestamp } from './timestamp.ts'

/** The condition of this type, or undefined. */
export function podCondition({ status }: Pick<Pod, 'status'>, type: string): PodCondition | undefined {
  return status?.conditions?.find((condition) => condition.type === type)
}

/** True if the pod takes traffic. */
export function isPodReady(pod: Pick<Pod, 'status'>): boolean {
  return podCondition(pod, 'Ready')?.status === 'True'
}

/** True if all containers ended for good. */
export function isPodFinished({ status }: Pick<Pod, 'status'>): boolean {
  return status?.phase === 'Succeeded' || status?.phase === 'Failed'
}

/** True if the pod counts towards its controller's replicas. */
export function isPodActive(pod: Stored<Pod>): boolean {
  return !isPodFinished(pod) && pod.metadata.deletionTimestamp === undefined
}

/** Milliseconds until the pod has been ready for minReadySeconds: 0 if it has, undefined if it is not ready. */
export function msUntilAvailable(pod: Stored<Pod>, minReadySeconds: number, nowMs: number): number | undefined {
  const ready = podCondition(pod, 'Ready')
  if (ready?.status !== 'True') return undefined
  if (minReadySeconds === 0) return 0
  return Math.max(0, parseTimestamp(ready.lastTransitionTime) + minReadySeconds * 1000 - nowMs)
}
