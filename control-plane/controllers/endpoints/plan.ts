// The Endpoints object of a service: the older form of its EndpointSlices, for clients that read nothing else.

import type {
  CoreEndpointPort,
  EndpointAddress,
  EndpointSubset,
  Endpoints,
  Pod,
  Service,
} from '../../../api/generated/types.ts'
import type { Stored } from '../../../api/objects/object.ts'
import {
  addressTypesOf,
  type Backend,
  type BackendGroup,
  type BackendPort,
  groupBackends,
  isHeadless,
} from '../service-backends.ts'

/** More addresses than this are cut off. https://kubernetes.io/docs/concepts/services-networking/service/#over-capacity-endpoints */
const addressLimit = 1000
const overCapacityKey = 'endpoints.kubernetes.io/over-capacity'

/** The Endpoints that the service should have. present keeps what others wrote on it. */
export function makeEndpoints(
  service: Stored<Service>,
  pods: Stored<Pod>[],
  present: Stored<Endpoints> | undefined,
): Endpoints {
  const groups = groupBackends(service, pods, addressTypesOf(service)[0] ?? 'IPv4')
  const { subsets, isCut } = toSubsets(service, groups)
  const { [overCapacityKey]: _, ...others } = present?.metadata.annotations ?? {}
  const annotations = { ...others, ...(isCut && { [overCapacityKey]: 'truncated' }) }
  return {
    apiVersion: 'v1',
    kind: 'Endpoints',
    metadata: {
      ...present?.metadata,
      name: service.metadata.name,
      namespace: service.metadata.namespace,
      labels: {
        ...service.metadata.labels,
        'endpoints.kubernetes.io/managed-by': 'endpoint-controller',
        ...(isHeadless(service) && { 'service.kubernetes.io/headless': '' }),
      },
      ...(Object.keys(annotations).length > 0 ? { annotations } : { annotations: undefined }),
    },
    ...(subsets.length > 0 && { subsets }),
  }
}

/** Ready addresses take precedence when there are too many. */
function toSubsets(service: Stored<Service>, groups: BackendGroup[]): { subsets: EndpointSubset[]; isCut: boolean } {
  const publishesAll = service.spec.publishNotReadyAddresses === true
  const shown = groups.map(({ ports, backends }) => ({
    ports,
    backends: backends.filter(({ terminating }) => publishesAll || !terminating),
  }))
  let left = addressLimit
  let isCut = false
  const take = (backends: Backend[]) => {
    const taken = backends.slice(0, left)
    isCut ||= taken.length < backends.length
    left -= taken.length
    return taken.map(toAddress)
  }
  const ready = shown.map(({ backends }) => take(backends.filter((backend) => backend.ready)))
  const notReady = shown.map(({ backends }) => take(backends.filter((backend) => !backend.ready)))
  const subsets = shown.map(({ ports }, i) => makeSubset(ready[i] ?? [], notReady[i] ?? [], ports))
  return { subsets: subsets.filter((subset) => subset.addresses ?? subset.notReadyAddresses), isCut }
}

function makeSubset(
  addresses: EndpointAddress[],
  notReadyAddresses: EndpointAddress[],
  ports: BackendPort[],
): EndpointSubset {
  return {
    ...(addresses.length > 0 && { addresses }),
    ...(notReadyAddresses.length > 0 && { notReadyAddresses }),
    ...(ports.length > 0 && { ports: ports.map(toPort) }),
  }
}

function toPort({ name, ...port }: BackendPort): CoreEndpointPort {
  return name === '' ? port : { name, ...port }
}

function toAddress({ pod, address, hostname }: Backend): EndpointAddress {
  const { name, namespace, uid } = pod.metadata
  return {
    ip: address,
    ...(hostname !== undefined && { hostname }),
    ...(pod.spec.nodeName !== undefined && { nodeName: pod.spec.nodeName }),
    targetRef: { kind: 'Pod', namespace, name, uid },
  }
}
