// What the place that the nodes stand in can do for the cluster: addresses for balancers, facts about machines, routes. Each
// capability is optional; its controller runs only when it is there. The built-in provider is bare-metal/.

import type { LoadBalancerStatus, Node, Service } from '../../../api/generated/types.ts'
import type { Stored } from '../../../api/objects/object.ts'

export interface CloudProvider {
  /** Such as "bare-metal"; it begins the provider ids of nodes. */
  readonly name: string
  readonly balancers?: LoadBalancers
  readonly instances?: Instances
  readonly routes?: Routes
}

export interface LoadBalancers {
  /** Only Services of this spec.loadBalancerClass are served; those that name none always are. */
  readonly loadBalancerClass: string
  /** Nodes put its addresses on their links. Otherwise the provider sees to it that they lead to the nodes. */
  readonly announced?: boolean
  /** Learns, before the first ensure, what the Service was given in an earlier life. */
  adopt(service: Stored<Service>): void
  /** Makes the balancer what the Service wants and returns its status. Asked again it changes nothing. Throws CloudRefusal. */
  ensure(service: Stored<Service>, nodes: readonly Stored<Node>[]): Promise<LoadBalancerStatus>
  /** Gives back what the Service ("namespace/name") has; having nothing is no error. */
  release(serviceKey: string): Promise<void>
}

export interface Instances {
  /** Facts about the machine of a node; undefined: there is no such machine any more. */
  describe(node: Stored<Node>): Promise<Instance | undefined>
}

export interface Instance {
  providerId: string
  zone?: string
  region?: string
  instanceType?: string
}

export interface Routes {
  list(): Promise<CloudRoute[]>
  create(route: CloudRoute): Promise<void>
  delete(route: CloudRoute): Promise<void>
}

/** Traffic to a node's pods goes to that node. */
export interface CloudRoute {
  nodeName: string
  destination: string
}

/** The provider cannot do what the Service asks, and will not until something changes. The message is for the user. */
export class CloudRefusal extends Error {
  readonly code = 'CLOUD_REFUSAL'
}

/** Whether an error is a CloudRefusal. */
export function isCloudRefusal(error: unknown): error is CloudRefusal {
  return error instanceof Error && 'code' in error && error.code === 'CLOUD_REFUSAL'
}
