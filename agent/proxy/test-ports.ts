// Service ports for tests, which say only what they are about.

import type { Endpoint, ServicePort } from './table.ts'

/** Port 80 of the ClusterIP 10.96.0.5 of Service default/web: TCP, IPv4, policy Cluster, without endpoints, unless it is said otherwise. */
export function makeServicePort(over: Partial<ServicePort> = {}): ServicePort {
  return {
    id: 'default/web:http',
    family: 'ipv4',
    protocol: 'tcp',
    clusterIp: '10.96.0.5',
    port: 80,
    externalIps: [],
    loadBalancerIps: [],
    sourceRanges: [],
    internalPolicy: 'Cluster',
    externalPolicy: 'Cluster',
    cluster: [],
    local: [],
    ...over,
  }
}

/** An endpoint on another node. */
export function makeEndpoint(ip: string, over: Partial<Endpoint> = {}): Endpoint {
  return { ip, port: 8080, local: false, ...over }
}
