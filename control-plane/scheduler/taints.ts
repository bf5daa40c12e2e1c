// Taints keep pods away from nodes, tolerations let them.
// https://kubernetes.io/docs/concepts/scheduling-eviction/taint-and-toleration/

import type { Taint, Toleration } from '../../api/generated/types.ts'

/** True if the toleration covers the taint. Empty key with Exists covers all; empty effect covers every effect. */
export function tolerates(
  { key = '', operator = 'Equal', value = '', effect = '' }: Toleration,
  taint: Taint,
): boolean {
  if (effect !== '' && effect !== taint.effect) return false
  if (key !== '' && key !== taint.key) return false
  if (operator === 'Exists') return true
  return operator === 'Equal' && key !== '' && value === (taint.value ?? '')
}

/** The first taint with one of the effects that no toleration covers. */
export function findUntolerated(
  taints: readonly Taint[],
  tolerations: readonly Toleration[],
  effects: readonly string[],
): Taint | undefined {
  return taints.find(
    (taint) => effects.includes(taint.effect) && !tolerations.some((toleration) => tolerates(toleration, taint)),
  )
}
