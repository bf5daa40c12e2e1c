/** How long controllers wait. The lab and tests use shorter times than a cluster that people depend on. */
export interface Timings {
  /** A node that has not been heard of for so long is unreachable. */
  nodeMonitorGraceMs: number
  /** The same for a node that was never heard of. */
  nodeStartupGraceMs: number
  /** Pods of a node that is gone are removed after so long: the node may only be registering anew. */
  podGcQuarantineMs: number
  /** Of pods that ended, so many are kept. */
  terminatedPodThreshold: number
  /** A namespace whose content has not gone is looked at again after so long, should no event come. */
  namespaceRecheckMs: number
}

/** Kubernetes' own defaults. */
export const defaultTimings: Timings = {
  nodeMonitorGraceMs: 40_000,
  nodeStartupGraceMs: 60_000,
  podGcQuarantineMs: 40_000,
  terminatedPodThreshold: 12_500,
  namespaceRecheckMs: 5_000,
}
