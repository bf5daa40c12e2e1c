// How connections go on once the rules of a Service port have taken them: the modes that write these rules differ in this.

import type { Endpoint, ServicePort } from '../table.ts'

/** Which of a Service port's endpoints: those under the policy Cluster, or this node's. */
export type Scope = 'cluster' | 'local'

/** The end of a Service port's rules. */
export interface Sending {
  rules: string[]
  /** Chains that those rules lead to. */
  chains: [chain: string, rules: string[]][]
}

export interface Way {
  /** Where pods' addresses of the family come from. */
  clusterCidr: string
  /** Where ClusterIPs of the family come from: what no Service has there is refused. */
  serviceCidr?: string | undefined
  /** Whether packets keep their sender on the way to an endpoint, so that some need the node's address to come back by it. */
  masquerades: boolean
  /** Rules of the mode itself in KUBE-EXTERNAL-SERVICES, after those of Services. */
  refusals?: readonly string[]
  /** There is at least one endpoint. */
  send(port: ServicePort, scope: Scope, endpoints: readonly Endpoint[]): Sending
}
