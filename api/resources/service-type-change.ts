// What a Service leaves behind when its type changes: fields that belong to the old type alone and that the update did not
// touch are dropped, so that `kubectl patch -p '{"spec":{"type":"ClusterIP"}}'` needs no more than that.
// The rule: kubernetes pkg/registry/core/service/strategy.go, dropTypeDependentFields.

import { isDeepStrictEqual } from 'node:util'
import type { Service, ServiceSpec } from '../generated/types.ts'
import type { Stored } from '../objects/object.ts'

const hasAddress = ({ type }: ServiceSpec) => type !== 'ExternalName'
const hasNodePorts = ({ type }: ServiceSpec) => type === 'NodePort' || type === 'LoadBalancer'
const isBalanced = ({ type }: ServiceSpec) => type === 'LoadBalancer'
const hasHealthCheck = ({ type, externalTrafficPolicy }: ServiceSpec) =>
  type === 'LoadBalancer' && externalTrafficPolicy === 'Local'

/** Which fields go when a Service stops to be of these types. */
const fields: [isFor: (spec: ServiceSpec) => boolean, ...(keyof ServiceSpec)[]][] = [
  [hasAddress, 'clusterIP', 'clusterIPs', 'ipFamilies', 'ipFamilyPolicy'],
  [hasNodePorts, 'externalTrafficPolicy'],
  [hasHealthCheck, 'healthCheckNodePort'],
  [isBalanced, 'allocateLoadBalancerNodePorts', 'loadBalancerClass'],
]

/** Drops what the Service no longer has a use for. A field that the update also changed stays, and validation speaks of it. */
export function dropFieldsOfOldType({ spec }: Service, old: Stored<Service>): void {
  if (spec === undefined) return
  const before = structuredClone(spec)
  for (const [isFor, ...names] of fields) {
    if (!isFor(old.spec) || isFor(before)) continue
    if (names.every((name) => isDeepStrictEqual(spec[name], old.spec[name])))
      for (const name of names) delete spec[name]
  }
  if (!hasNodePorts(old.spec) || hasNodePorts(before)) return
  const had = new Set(old.spec.ports?.map(({ nodePort }) => nodePort))
  const ports = spec.ports ?? []
  if (ports.every(({ nodePort }) => nodePort === undefined || had.has(nodePort)))
    for (const port of ports) delete port.nodePort
}
