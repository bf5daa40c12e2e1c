// https://kubernetes.io/docs/concepts/workloads/pods/pod-qos/

import type { PodSpec } from '../../generated/types.ts'
import { compareQuantities } from '../../objects/quantity.ts'

const counted = ['cpu', 'memory']

/** Guaranteed if every container limits cpu and memory to its requests, BestEffort if none asks for any, else Burstable. */
export function qosClassOf(spec: PodSpec): 'Guaranteed' | 'Burstable' | 'BestEffort' {
  const all = [...(spec.containers ?? []), ...(spec.initContainers ?? [])].map(({ resources }) => resources ?? {})
  const asks = all.some(({ requests, limits }) => counted.some((name) => isSet(requests, name) || isSet(limits, name)))
  if (!asks) return 'BestEffort'
  const isGuaranteed = all.every(({ requests, limits }) =>
    counted.every((name) => {
      const limit = limits?.[name]
      if (limit === undefined || !isSet(limits, name)) return false
      return compareQuantities(requests?.[name] ?? limit, limit) === 0
    }),
  )
  return isGuaranteed ? 'Guaranteed' : 'Burstable'
}

function isSet(amounts: Record<string, string> | undefined, name: string): boolean {
  const amount = amounts?.[name]
  return amount !== undefined && compareQuantities(amount, '0') > 0
}
