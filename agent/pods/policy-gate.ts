// What a pod worker needs of network policies: that they are in force before the pod's first packet.

import type { StoredPod } from './pod.ts'

interface Admission {
  sandboxId: string
  pod: StoredPod
  ips: readonly string[]
}

export interface PolicyGate {
  /**
   * Resolves when the kernel keeps the pod's policies for these addresses; no container may run before. Waits while policies
   * are not known; rejects when they cannot be written. Asked again for an admitted sandbox it changes nothing.
   */
  admit(admission: Admission): Promise<void>
  /** The sandbox has no network any more: its addresses may be another's from now on. */
  release(sandboxId: string): void
}

/** For nodes that keep no policies. */
export const openGate: PolicyGate = {
  admit: () => Promise.resolve(),
  release: () => undefined,
}
