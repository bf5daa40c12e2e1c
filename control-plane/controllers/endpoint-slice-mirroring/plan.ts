// The slices that say what hand-made Endpoints say: one per subset and address family, named after what they hold. Pure.

import { createHash } from 'node:crypto'
import type {
  Endpoint,
  EndpointAddress,
  EndpointSlice,
  EndpointSubset,
  Endpoints,
} from '../../../api/generated/types.ts'
import type { Stored } from '../../../api/objects/object.ts'
import { endpoints as endpointsKind } from '../../../api/resources/endpoints.ts'
import { ownerReference } from '../cluster-view.ts'
import { managedByLabel, serviceNameLabel } from '../endpoint-slice/plan.ts'
import { isSame } from '../same.ts'

/** Who wrote the slice, in the label managedByLabel. */
export const mirroredBy = 'endpointslicemirroring-controller.k8s.io'
const skipLabel = 'endpointslice.kubernetes.io/skip-mirror'
/** More of one subset are not mirrored: kube-controller-manager's default of --mirroring-max-endpoints-per-subset. */
const addressLimit = 1000

/** False for Endpoints that ask not to be, and for those by which old leader elections keep their lock. */
export function isMirrored({ metadata }: Stored<Endpoints>): boolean {
  return (
    metadata.labels?.[skipLabel] !== 'true' &&
    metadata.labels?.['endpoints.kubernetes.io/managed-by'] === undefined &&
    metadata.annotations?.['control-plane.alpha.kubernetes.io/leader'] === undefined
  )
}

export interface MirrorPlan {
  create: EndpointSlice[]
  update: Stored<EndpointSlice>[]
  remove: Stored<EndpointSlice>[]
}

/** What must change so that the slices say what the Endpoints say; undefined: there are none. */
export function planMirror(
  endpoints: Stored<Endpoints> | undefined,
  present: readonly Stored<EndpointSlice>[],
): MirrorPlan {
  const wanted = new Map(endpoints === undefined ? [] : mirror(endpoints).map((slice) => [slice.metadata?.name, slice]))
  const byName = new Map(present.map((slice) => [slice.metadata.name, slice]))
  const plan: MirrorPlan = {
    create: [],
    update: [],
    remove: present.filter(({ metadata }) => !wanted.has(metadata.name)),
  }
  for (const [name, slice] of wanted) {
    const existing = byName.get(name ?? '')
    if (existing === undefined) plan.create.push(slice)
    else if (!isSame(existing.endpoints ?? [], slice.endpoints))
      plan.update.push({ ...existing, endpoints: slice.endpoints })
  }
  return plan
}

function mirror(endpoints: Stored<Endpoints>): EndpointSlice[] {
  return (endpoints.subsets ?? []).flatMap((subset) =>
    (['IPv4', 'IPv6'] as const).flatMap((addressType) => toSlice(endpoints, subset, addressType) ?? []),
  )
}

function toSlice(
  endpoints: Stored<Endpoints>,
  { addresses = [], notReadyAddresses = [], ports = [] }: EndpointSubset,
  addressType: 'IPv4' | 'IPv6',
): EndpointSlice | undefined {
  const isOurs = ({ ip }: EndpointAddress) => ip.includes(':') === (addressType === 'IPv6')
  const all = [
    ...addresses.filter(isOurs).map((address) => toEndpoint(address, true)),
    ...notReadyAddresses.filter(isOurs).map((address) => toEndpoint(address, false)),
  ]
  if (all.length === 0) return undefined
  const { name, namespace, labels } = endpoints.metadata
  return {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: {
      name: `${name}-${hash(JSON.stringify([addressType, ports]))}`,
      namespace,
      labels: { ...labels, [serviceNameLabel]: name, [managedByLabel]: mirroredBy },
      ownerReferences: [ownerReference(endpointsKind, endpoints, true)],
    },
    addressType,
    endpoints: all.slice(0, addressLimit),
    ports: ports.map(({ name: portName = '', port, protocol }) => ({ name: portName, port, protocol })),
  }
}

function toEndpoint({ ip, hostname, nodeName, targetRef }: EndpointAddress, ready: boolean): Endpoint {
  return {
    addresses: [ip],
    conditions: { ready },
    ...(hostname !== undefined && { hostname }),
    ...(nodeName !== undefined && { nodeName }),
    ...(targetRef !== undefined && { targetRef }),
  }
}

const hash = (text: string) => createHash('sha256').update(text).digest('hex').slice(0, 8)
