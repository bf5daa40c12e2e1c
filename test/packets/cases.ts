// Every kind of packet to a Service that the suite sends, as a table. What must become of each says expected.ts.

import type { Family } from '../../api/objects/addresses.ts'
import type { Ask } from './prober.ts'
import {
  clusterAddresses,
  type Endpoints,
  externalAddresses,
  loadBalancerAddresses,
  nodePort,
  type Protocol,
  protocols,
  type ServiceShape,
  servicePort,
} from './services.ts'
import { nodeAddresses } from './topology.ts'

/** By which of its addresses a Service is asked. */
const doors = ['ClusterIP', 'NodePort', 'LoadBalancer', 'ExternalIP'] as const
type Door = (typeof doors)[number]

/** Where the endpoints are, seen from node-1. */
const placements = {
  both: { ready: ['a1', 'b1'] },
  here: { ready: ['a1'] },
  there: { ready: ['b1'] },
  none: { ready: [], down: ['a1', 'b1'] },
  'all terminating': { ready: [], terminating: ['a1', 'b1'] },
  'here terminating, there ready': { ready: ['b1'], terminating: ['a1'] },
} satisfies Record<string, Endpoints>
type Placement = keyof typeof placements

/** Who asks: a pod on the same node, a pod on the other, a backend, the node, and somebody who is no part of the cluster. */
export const sources = ['client-1', 'client-2', 'a1', 'node-1', 'outside'] as const
type Source = (typeof sources)[number]

export interface PacketCase {
  shape: ServiceShape
  placement: Placement
  protocol: Protocol
  door: Door
  source: Source
  family: Family
}

const policies = ['Cluster', 'Local'] as const
const families = ['ipv4', 'ipv6'] as const

/** The Services of the table, each with the name of its placement. */
export function makeShapes(): { shape: ServiceShape; placement: Placement }[] {
  const kinds = [undefined, 60].flatMap((affinitySeconds) =>
    policies.flatMap((internal) =>
      policies.flatMap((external) =>
        (Object.keys(placements) as Placement[])
          // With affinity, where both policies are the same and there is a choice.
          .filter((placement) => affinitySeconds === undefined || (internal === external && placement === 'both'))
          .map((placement) => ({ affinitySeconds, internal, external, placement })),
      ),
    ),
  )
  return kinds.map(({ affinitySeconds, internal, external, placement }, at) => ({
    placement,
    shape: {
      index: at + 1,
      internal,
      external,
      endpoints: placements[placement],
      ...(affinitySeconds !== undefined && { affinitySeconds }),
    },
  }))
}

/** The whole table. */
export function makeCases(): PacketCase[] {
  return makeShapes().flatMap((service) =>
    protocols.flatMap((protocol) =>
      doors.flatMap((door) =>
        sources.flatMap((source) => families.map((family) => ({ ...service, protocol, door, source, family }))),
      ),
    ),
  )
}

/** A sentence that cases share which differ in source and family alone. */
export function groupName({ shape, placement, protocol, door }: PacketCase): string {
  const affinity = shape.affinitySeconds === undefined ? '' : ', affinity'
  return `${protocol} to ${door}, internal ${shape.internal}, external ${shape.external}${affinity}, endpoints: ${placement}`
}

/** Whom the source asks. Node ports are asked at node-1, from everywhere. */
export function askOf({ shape, protocol, door, family }: PacketCase): Ask {
  if (door === 'NodePort') return [protocol, nodeAddresses['node-1'][family], nodePort(shape, protocol)]
  const addresses = { ClusterIP: clusterAddresses, LoadBalancer: loadBalancerAddresses, ExternalIP: externalAddresses }
  return [protocol, addresses[door](shape)[family], servicePort]
}
