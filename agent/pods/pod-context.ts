// What the parts of a pod's worker share.

import type { PodDependencies } from './dependencies.ts'
import type { Jobs } from './jobs.ts'
import type { ObservedPod } from './observed-pod.ts'
import type { StoredPod } from './pod.ts'

export interface PodContext {
  readonly deps: PodDependencies
  /** The API's newest version of the pod. */
  readonly pod: () => StoredPod
  readonly observed: ObservedPod
  readonly jobs: Jobs
  /** Aborted when the pod begins to end. */
  readonly ending: AbortSignal
  /** Lets the worker look again. */
  readonly wake: () => void
}
