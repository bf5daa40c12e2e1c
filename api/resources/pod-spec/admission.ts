// What Kubernetes' built-in admission does to every new pod: the service account's name, priority, tolerations.

import type { Pod, PodSpec, Toleration } from '../../generated/types.ts'
import { containersOf } from './defaults.ts'

/** How long pods stay on a node that went silent, unless they say otherwise. */
const tolerationSeconds = 300

const systemPriorities: Readonly<Record<string, number>> = {
  'system-cluster-critical': 2_000_000_000,
  'system-node-critical': 2_000_001_000,
}

/** Completes a new pod in place. Idempotent. */
export function admitPod(pod: Pod): void {
  const { spec } = pod
  if (spec === undefined) return
  spec.enableServiceLinks ??= true
  spec.serviceAccountName ||= 'default'
  spec.serviceAccount = spec.serviceAccountName
  spec.priority ??= systemPriorities[spec.priorityClassName ?? ''] ?? 0
  spec.preemptionPolicy ??= 'PreemptLowerPriority'
  tolerateForAWhile(spec, 'node.kubernetes.io/not-ready')
  tolerateForAWhile(spec, 'node.kubernetes.io/unreachable')
  requestWhatIsLimited(spec)
}

function tolerateForAWhile(spec: PodSpec, key: string): void {
  const tolerations = spec.tolerations ?? []
  const covers = ({ key: own, effect }: Toleration) =>
    (own === key || own === undefined || own === '') &&
    (effect === 'NoExecute' || effect === undefined || effect === '')
  if (tolerations.some(covers)) return
  spec.tolerations = [...tolerations, { key, operator: 'Exists', effect: 'NoExecute', tolerationSeconds }]
}

/** A limit without a request asks for as much as it allows. */
function requestWhatIsLimited(spec: PodSpec): void {
  for (const { resources } of containersOf(spec)) {
    if (resources?.limits !== undefined) resources.requests = { ...resources.limits, ...resources.requests }
  }
}
