// What a proxy mode must do: hold the kernel at the wanted Services, whatever it held before.

import type { Difference } from '../../api/net/difference.ts'
import type { Endpoint, ServicePort } from './table.ts'

/** Service key -> its ports as they are wanted now; an empty array removes the Service. */
export type ServiceChanges = ReadonlyMap<string, readonly ServicePort[]>

/** Calls never overlap. A call that throws may be repeated; the next one mends what it left. */
export interface ProxyBackend {
  /** Writes what these changes need, and no more. The first call writes the difference to what an earlier life left. */
  apply(changes: ServiceChanges): Promise<void>
  /** Compares the kernel with what is wanted and mends it; writes nothing when they agree. */
  resync(): Promise<void>
  /** What the kernel holds otherwise than wanted. Changes nothing. */
  verify(): Promise<Difference[]>
  /** Where the kernel sends what is for this port, of modes that do not send it to its endpoints. */
  targetsOf?(port: ServicePort): Pick<Endpoint, 'ip' | 'port'>[]
}

/** What every backend is given. */
export interface BackendOptions {
  /** Where pods' addresses come from, one range per address family; traffic from elsewhere to a ClusterIP is masqueraded. */
  clusterCidrs: readonly string[]
  /** Where ClusterIPs come from, one range per address family: what no Service has there is refused, as no host has it. */
  serviceCidrs?: readonly string[]
  /** Addresses of this node, at most one per family. Of the mode userspace: where it listens. */
  nodeIps?: readonly string[]
  /** Network namespace to write to; absent: this process's own. */
  netns?: string
  /** Of the mode ipvs: how virtual servers spread connections; rr when absent. */
  ipvsScheduler?: string
  /** What fails outside any call. */
  onError?: (error: unknown) => void
}
