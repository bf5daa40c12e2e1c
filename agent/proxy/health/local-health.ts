// What a load balancer is told about one Service on this node: how many endpoints serve it here. Pure.

import type { EndpointSlice, Service } from '../../../api/generated/types.ts'
import type { Stored } from '../../../api/objects/object.ts'
import { isForOtherProxy } from '../table.ts'

export interface LocalHealth {
  /** spec.healthCheckNodePort. */
  port: number
  localEndpoints: number
}

/** undefined for a Service that no load balancer asks about: only externalTrafficPolicy Local makes a difference between nodes. */
export function localHealthOf(
  service: Stored<Service>,
  slices: readonly EndpointSlice[],
  nodeName: string,
): LocalHealth | undefined {
  const { healthCheckNodePort: port = 0, type, externalTrafficPolicy } = service.spec
  if (port === 0 || type !== 'LoadBalancer' || externalTrafficPolicy !== 'Local') return undefined
  // Its own proxy listens on that port.
  if (isForOtherProxy(service)) return undefined
  // A dual-stack pod is in one slice per family, and is one endpoint all the same.
  const here = slices.flatMap(({ endpoints = [] }) =>
    endpoints.filter((endpoint) => endpoint.nodeName === nodeName && endpoint.conditions?.ready !== false),
  )
  return { port, localEndpoints: new Set(here.map(({ targetRef, addresses }) => targetRef?.uid ?? addresses[0])).size }
}
