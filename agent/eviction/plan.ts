// Which pod must go when the node runs out of memory, and what its user is told. Pure.
// https://kubernetes.io/docs/concepts/scheduling-eviction/node-pressure-eviction/#pod-selection-for-kubelet-eviction

import { byteQuantity, formatQuantity } from '../../api/objects/quantity.ts'
import type { Pressure } from '../node/pressure.ts'
import { type Refusal, requestOf } from '../pods/admission.ts'
import { isTerminal, qosClassOf, type StoredPod } from '../pods/pod.ts'

/** A pod and the memory that it cannot do without: what the kernel could take back at once is not counted. */
export interface PodUsage {
  pod: StoredPod
  memoryBytes: number
}

/** Priorities from here on are the system's own. */
const systemPriority = 2_000_000_000
const priorityOf = ({ spec }: StoredPod) => spec.priority ?? 0

/** The pod that goes first; undefined when none may. */
export function chooseVictim(usages: readonly PodUsage[]): PodUsage | undefined {
  const [first] = usages
    .filter(({ pod }) => priorityOf(pod) < systemPriority && isLive(pod))
    .sort(
      (a, b) =>
        Number(excessOf(b) > 0) - Number(excessOf(a) > 0) ||
        priorityOf(a.pod) - priorityOf(b.pod) ||
        excessOf(b) - excessOf(a),
    )
  return first
}

const isLive = ({ metadata, status }: StoredPod) =>
  metadata.deletionTimestamp === undefined && !isTerminal(status?.phase)

function excessOf({ pod, memoryBytes }: PodUsage): number {
  return memoryBytes - requestOf(pod, 'memory')
}

/** What the victim's status says. Both figures in bytes. */
export function describeEviction(victim: PodUsage, availableBytes: number, thresholdBytes: number): Refusal {
  const figure = (bytes: number) => formatQuantity(byteQuantity(bytes))
  const { pod, memoryBytes } = victim
  const use = `The pod was using ${figure(memoryBytes)}, request is ${figure(requestOf(pod, 'memory'))}.`
  const shortage = `Threshold quantity: ${figure(thresholdBytes)}, available: ${figure(availableBytes)}.`
  return { reason: 'Evicted', message: `The node was low on resource: memory. ${shortage} ${use}` }
}

/** Why a node that is short of something takes no such pod now, or undefined. */
export function refuseUnderPressure(pod: StoredPod, { memory, disk, pids }: Pressure): Refusal | undefined {
  if (priorityOf(pod) >= systemPriority) return undefined
  const conditions = [
    // Who has reserved memory gets it: those go who have not.
    ...(memory && qosClassOf(pod) === 'BestEffort' && !tolerates(pod, 'memory-pressure') ? ['MemoryPressure'] : []),
    ...(disk ? ['DiskPressure'] : []),
    ...(pids ? ['PIDPressure'] : []),
  ]
  if (conditions.length === 0) return undefined
  return { reason: 'Evicted', message: `Pod was rejected: The node had condition: [${conditions.join(', ')}].` }
}

function tolerates({ spec }: StoredPod, taint: string): boolean {
  return (spec.tolerations ?? []).some(
    ({ key, operator, effect }) =>
      (key === `node.kubernetes.io/${taint}` || (key === undefined && operator === 'Exists')) &&
      (effect === undefined || effect === 'NoSchedule'),
  )
}
