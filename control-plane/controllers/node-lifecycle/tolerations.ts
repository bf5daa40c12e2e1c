// When a pod must leave a tainted node. Pure.

import type { Taint, Toleration } from '../../../api/generated/types.ts'
import { parseTimestamp } from '../timestamp.ts'

/** https://kubernetes.io/docs/concepts/scheduling-eviction/taint-and-toleration/#concepts */
function tolerates({ key = '', operator = 'Equal', value = '', effect = '' }: Toleration, taint: Taint): boolean {
  if (effect !== '' && effect !== taint.effect) return false
  if (key !== '' && key !== taint.key) return false
  if (operator === 'Exists') return true
  return key !== '' && value === (taint.value ?? '')
}

/**
 * When the pod must go, in milliseconds since the epoch; undefined if it may stay for good. A taint counts from when it
 * was added, or from sinceMs if it does not say; so a restart of the control plane starts no time anew.
 */
export function evictionTime(taints: Taint[], tolerations: Toleration[], sinceMs: number): number | undefined {
  const times = taints
    .filter(({ effect }) => effect === 'NoExecute')
    .map((taint) => leaveTime(taint, tolerations, sinceMs))
    .filter((time) => time !== undefined)
  return times.length === 0 ? undefined : Math.min(...times)
}

function leaveTime(taint: Taint, tolerations: Toleration[], sinceMs: number): number | undefined {
  const matching = tolerations.filter((toleration) => tolerates(toleration, taint))
  if (matching.length === 0) return 0
  const limits = matching.map(({ tolerationSeconds }) => tolerationSeconds).filter((seconds) => seconds !== undefined)
  if (limits.length === 0) return undefined
  const start = taint.timeAdded === undefined ? sinceMs : parseTimestamp(taint.timeAdded)
  return start + Math.max(0, Math.min(...limits)) * 1000
}
