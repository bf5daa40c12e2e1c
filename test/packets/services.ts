// The Services of the suite as API objects. Each has its own addresses and node ports, so that all can be served at once.

import type { ServicePort, TrafficPolicy } from '../../agent/proxy/table.ts'
import { toServicePorts } from '../../agent/proxy/table.ts'
import type { EndpointSlice, Service } from '../../api/generated/types.ts'
import type { Stored } from '../../api/objects/object.ts'
import { targetPorts } from './prober.ts'
import { type Addresses, type NodeName, nodeAddresses, nodeOf, type PodName, podAddresses } from './topology.ts'

export type Protocol = keyof typeof targetPorts
export const protocols = Object.keys(targetPorts) as Protocol[]

/** The port of every protocol at every Service address. */
export const servicePort = 80

/** Which endpoints there are. */
export interface Endpoints {
  ready: readonly PodName[]
  /** They end, but still serve. */
  terminating?: readonly PodName[]
  /** Neither ready nor serving. */
  down?: readonly PodName[]
}

/** A Service, in the words of the suite. */
export interface ServiceShape {
  /** Distinct among all that are served at once; addresses follow from it. */
  index: number
  internal: TrafficPolicy
  external: TrafficPolicy
  endpoints: Endpoints
  affinitySeconds?: number
  sourceRanges?: readonly string[]
}

const serviceName = ({ index }: ServiceShape) => `s${index}`
export const serviceKey = (shape: ServiceShape) => `default/${serviceName(shape)}`

type Numbered = Pick<ServiceShape, 'index'>

export function clusterAddresses({ index }: Numbered): Addresses {
  return { ipv4: `10.96.1.${index}`, ipv6: `fd00:10:96::1:${hex(index)}` }
}
export function loadBalancerAddresses({ index }: Numbered): Addresses {
  return { ipv4: `198.18.0.${index}`, ipv6: `2001:db8:ffff:1::${hex(index)}` }
}
export function externalAddresses({ index }: Numbered): Addresses {
  return { ipv4: `198.19.0.${index}`, ipv6: `2001:db8:ffff:2::${hex(index)}` }
}
export function nodePort({ index }: Numbered, protocol: Protocol): number {
  return 30_000 + index * 4 + protocols.indexOf(protocol)
}

const hex = (index: number) => index.toString(16)

/** What a node's proxy is told of the Service. */
export function portsOn(node: NodeName, shape: ServiceShape): ServicePort[] {
  const nodeIps = Object.values(nodeAddresses[node])
  return toServicePorts(toService(shape), toSlices(shape), { nodeName: node, nodeIps })
}

function toService(shape: ServiceShape): Stored<Service> {
  const { internal, external, affinitySeconds, sourceRanges } = shape
  const [cluster, balancer] = [clusterAddresses(shape), loadBalancerAddresses(shape)]
  return {
    metadata: {
      name: serviceName(shape),
      namespace: 'default',
      uid: serviceName(shape),
      resourceVersion: '1',
      creationTimestamp: '2026-01-01T00:00:00Z',
    },
    spec: {
      type: 'LoadBalancer',
      clusterIP: cluster.ipv4,
      clusterIPs: Object.values(cluster),
      ipFamilies: ['IPv4', 'IPv6'],
      externalIPs: Object.values(externalAddresses(shape)),
      internalTrafficPolicy: internal,
      externalTrafficPolicy: external,
      ...(sourceRanges !== undefined && { loadBalancerSourceRanges: [...sourceRanges] }),
      ...(affinitySeconds !== undefined && {
        sessionAffinity: 'ClientIP',
        sessionAffinityConfig: { clientIP: { timeoutSeconds: affinitySeconds } },
      }),
      ports: protocols.map((protocol) => ({
        name: protocol,
        protocol: protocol.toUpperCase(),
        port: servicePort,
        targetPort: targetPorts[protocol],
        nodePort: nodePort(shape, protocol),
      })),
    },
    status: { loadBalancer: { ingress: Object.values(balancer).map((ip) => ({ ip, ipMode: 'VIP' })) } },
  }
}

/** One slice per family, as the endpoint slice controller writes them. */
function toSlices(shape: ServiceShape): EndpointSlice[] {
  const { ready, terminating = [], down = [] } = shape.endpoints
  const conditions = {
    ready: { ready: true, serving: true, terminating: false },
    terminating: { ready: false, serving: true, terminating: true },
    down: { ready: false, serving: false, terminating: false },
  }
  const listed = [
    ...ready.map((pod) => ({ pod, conditions: conditions.ready })),
    ...terminating.map((pod) => ({ pod, conditions: conditions.terminating })),
    ...down.map((pod) => ({ pod, conditions: conditions.down })),
  ]
  return (['ipv4', 'ipv6'] as const).map((family) => ({
    addressType: family === 'ipv4' ? 'IPv4' : 'IPv6',
    ports: protocols.map((protocol) => ({
      name: protocol,
      protocol: protocol.toUpperCase(),
      port: targetPorts[protocol],
    })),
    endpoints: listed.map((endpoint) => ({
      addresses: [podAddresses(endpoint.pod)[family]],
      nodeName: nodeOf(endpoint.pod),
      conditions: endpoint.conditions,
    })),
  }))
}
