// What Kubernetes fills into a Service, but for families, addresses and node ports, which the API server allocates.

import type { Service, ServiceSpec } from '../generated/types.ts'
import type { Stored } from '../objects/object.ts'

const affinitySeconds = 10_800

/** Fills in what the user left out. Idempotent. */
export function setServiceDefaults({ spec }: Service): void {
  if (spec === undefined) return
  spec.type ||= 'ClusterIP'
  spec.sessionAffinity ??= 'None'
  setAffinityTimeout(spec)
  for (const port of spec.ports ?? []) {
    port.protocol ||= 'TCP'
    if (
      spec.type !== 'ExternalName' &&
      (port.targetPort === undefined || port.targetPort === '' || port.targetPort === 0)
    ) {
      port.targetPort = port.port
    }
  }
  if (spec.type === 'ExternalName') return
  spec.internalTrafficPolicy ??= 'Cluster'
  if (spec.type === 'NodePort' || spec.type === 'LoadBalancer') spec.externalTrafficPolicy ??= 'Cluster'
  if (spec.type === 'LoadBalancer') spec.allocateLoadBalancerNodePorts ??= true
  alignClusterAddresses(spec)
}

/** An update that does not name addresses and node ports keeps those that were given to the Service. */
export function keepClusterAddresses({ spec }: Service, old: Stored<Service>): void {
  if (spec === undefined || spec.type === 'ExternalName' || old.spec.type === 'ExternalName') return
  if (spec.clusterIP === undefined || spec.clusterIP === '') {
    spec.clusterIP = old.spec.clusterIP ?? ''
    spec.clusterIPs = old.spec.clusterIPs ?? []
  }
  if (old.spec.ipFamilies !== undefined) spec.ipFamilies ??= [...old.spec.ipFamilies]
  if (spec.type === 'ClusterIP') return
  for (const port of spec.ports ?? []) {
    const before = old.spec.ports?.find((other) => other.port === port.port && other.protocol === port.protocol)
    if (port.nodePort === undefined && before?.nodePort !== undefined) port.nodePort = before.nodePort
  }
}

function setAffinityTimeout(spec: ServiceSpec): void {
  if (spec.sessionAffinity === 'None') delete spec.sessionAffinityConfig
  if (spec.sessionAffinity !== 'ClientIP') return
  spec.sessionAffinityConfig ??= {}
  spec.sessionAffinityConfig.clientIP ??= {}
  spec.sessionAffinityConfig.clientIP.timeoutSeconds ??= affinitySeconds
}

/** clusterIP is the first of clusterIPs; old clients set only the one. */
function alignClusterAddresses(spec: ServiceSpec): void {
  const [first] = spec.clusterIPs ?? []
  if (spec.clusterIP === undefined && first !== undefined) spec.clusterIP = first
  if (spec.clusterIP !== undefined && spec.clusterIP !== '' && first === undefined) spec.clusterIPs = [spec.clusterIP]
}
