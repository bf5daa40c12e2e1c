// How far a rolling update may go above and below the wanted number of pods.
// https://kubernetes.io/docs/concepts/workloads/controllers/deployment/#rolling-update-deployment

import type { DeploymentSpec } from '../../../api/generated/types.ts'

/** Numbers of pods. Not both are 0, or nothing could ever move. */
export interface Limits {
  maxSurge: number
  maxUnavailable: number
}

/** Percentages of the wanted number: surge is rounded up, unavailability down. Recreate knows neither. */
export function resolveLimits({ replicas = 1, strategy }: Pick<DeploymentSpec, 'replicas' | 'strategy'>): Limits {
  if (strategy?.type === 'Recreate') return { maxSurge: 0, maxUnavailable: 0 }
  const { maxSurge = '25%', maxUnavailable = '25%' } = strategy?.rollingUpdate ?? {}
  const surge = Math.ceil(resolve(maxSurge, replicas))
  const unavailable = Math.floor(resolve(maxUnavailable, replicas))
  const atLeastOne = surge === 0 && unavailable === 0 ? 1 : unavailable
  return { maxSurge: surge, maxUnavailable: Math.min(atLeastOne, replicas) }
}

function resolve(value: number | string, total: number): number {
  if (typeof value === 'number') return value
  return value.endsWith('%') ? (Number(value.slice(0, -1)) * total) / 100 : Number(value)
}
