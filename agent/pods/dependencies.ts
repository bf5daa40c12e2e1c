// What a pod worker is given. main.ts builds it; tests build it from fakes.

import type { PodNetwork } from '../network/pod-network.ts'
import type { Runtime } from '../runtime/runtime.ts'
import type { ObjectSource } from '../volumes/objects.ts'
import type { PodVolumes } from '../volumes/pod-volumes.ts'
import type { PodCgroups } from './cgroups.ts'
import type { ImagePuller } from './image-puller.ts'
import type { DnsSettings } from './network-files.ts'
import type { StoredPod } from './pod.ts'
import type { PolicyGate } from './policy-gate.ts'
import type { StatusWriter } from './status-writer.ts'

/** Facts of the node that pods can see. */
interface NodeFacts {
  name: string
  ip: string
  /** All of the node's addresses, one a family; the first is `ip`. */
  ips: readonly string[]
  allocatable: Record<string, string>
  memoryBytes: number
  dns: DnsSettings
  cgroups: PodCgroups
}

/** Tells users what happened to a pod; container names the container it happened to. */
export type EmitEvent = (
  pod: StoredPod,
  event: { type: 'Normal' | 'Warning'; reason: string; message: string; container?: string },
) => void

export interface PodDependencies {
  runtime: Runtime
  network: PodNetwork
  policy: PolicyGate
  volumes: PodVolumes
  objects: ObjectSource
  images: ImagePuller
  statuses: Pick<StatusWriter, 'set' | 'flush' | 'forget'>
  node: NodeFacts
  emit: EmitEvent
  /** Environment variables of the services that the pod is linked to. */
  serviceVariables: (pod: StoredPod) => Promise<ReadonlyMap<string, string>>
  /** Takes the ended pod off the API, unless another one has its name by now. */
  deletePod: (pod: StoredPod) => Promise<void>
  /** Why the node cannot take the pod, or undefined. Asked once, before anything is made. */
  admit: (pod: StoredPod) => { reason: string; message: string } | undefined
  /** Told of failures that no user can see in status or events. */
  onError: (error: unknown, pod: StoredPod) => void
  /** Milliseconds since the epoch. */
  now: () => number
}
