// Spreads a service's backends over slices of at most 100, so that one pod's change writes one slice: an endpoint stays
// in its slice, new ones go where something changes anyhow, else to the fullest slice that has room for all of them.

import type { Endpoint, EndpointSlice, Pod, Service } from '../../../api/generated/types.ts'
import type { Stored } from '../../../api/objects/object.ts'
import { services } from '../../../api/resources/services.ts'
import { ownerReference } from '../cluster-view.ts'
import { isSame } from '../same.ts'
import {
  type AddressType,
  addressTypesOf,
  type Backend,
  type BackendPort,
  groupBackends,
  isHeadless,
  portsKey,
} from '../service-backends.ts'
import { locate, type ZoneOf } from './hints.ts'

/** Endpoints in one slice. */
const sliceLimit = 100
export const serviceNameLabel = 'kubernetes.io/service-name'
export const managedByLabel = 'endpointslice.kubernetes.io/managed-by'
/** Slices of others, such as those that users write, are left alone. */
export const managedBy = 'endpointslice-controller.k8s.io'

/** API calls. */
export interface SlicePlan {
  create: EndpointSlice[]
  update: Stored<EndpointSlice>[]
  remove: Stored<EndpointSlice>[]
}

interface Draft {
  /** Absent for a slice to be created. */
  slice?: Stored<EndpointSlice>
  addressType: AddressType
  ports: BackendPort[]
  endpoints: Endpoint[]
}

/** What must change so that the service's slices hold exactly these pods. */
export function planSlices(
  service: Stored<Service>,
  pods: Stored<Pod>[],
  slices: Stored<EndpointSlice>[],
  zoneOf: ZoneOf = () => undefined,
): SlicePlan {
  const types = addressTypesOf(service)
  const drafts = types.flatMap((addressType) => draftFamily(service, pods, slices, addressType, zoneOf))
  const kept = new Set(drafts.map(({ slice }) => slice))
  const surplus = slices.filter((slice) => !kept.has(slice))
  recycle(drafts, surplus)
  const plan: SlicePlan = { create: [], update: [], remove: surplus }
  for (const draft of drafts) {
    const wanted = makeSlice(service, draft)
    if (draft.slice === undefined) plan.create.push(wanted)
    else if (!isUpToDate(draft.slice, wanted)) plan.update.push(replaceContent(draft.slice, wanted))
  }
  return plan
}

function draftFamily(
  service: Stored<Service>,
  pods: Stored<Pod>[],
  slices: Stored<EndpointSlice>[],
  addressType: AddressType,
  zoneOf: ZoneOf,
): Draft[] {
  const own = slices.filter((slice) => slice.addressType === addressType)
  const drafts = groupBackends(service, pods, addressType).flatMap(({ ports, backends }) => {
    const present = own.filter((slice) => portsKey(slice.ports ?? []) === portsKey(ports))
    return fill(present, locate(service, backends.map(toEndpoint), zoneOf), { addressType, ports })
  })
  if (drafts.length > 0) return drafts
  // A service without endpoints has one empty slice: readers can tell it from one that nobody has looked at yet.
  const [slice] = own
  return [{ slice, addressType, ports: [], endpoints: [] }]
}

function fill(
  slices: Stored<EndpointSlice>[],
  endpoints: Endpoint[],
  kind: Pick<Draft, 'addressType' | 'ports'>,
): Draft[] {
  const wanted = new Map(endpoints.map((endpoint) => [keyOf(endpoint), endpoint]))
  const drafts = slices.map((slice): Draft => ({ slice, ...kind, endpoints: keepWanted(slice, wanted) }))
  const isTouched = ({ slice, endpoints }: Draft) => !isSame(slice?.endpoints ?? [], endpoints)
  const rest = [...wanted.values()]
  for (const draft of drafts.filter(isTouched)) {
    draft.endpoints.push(...rest.splice(0, sliceLimit - draft.endpoints.length))
  }
  placeTogether(drafts, rest)
  for (let chunk = rest.splice(0, sliceLimit); chunk.length > 0; chunk = rest.splice(0, sliceLimit)) {
    drafts.push({ ...kind, endpoints: chunk })
  }
  return drafts.filter((draft) => draft.endpoints.length > 0)
}

/** Takes what the slice may keep out of wanted. */
function keepWanted(slice: Stored<EndpointSlice>, wanted: Map<string, Endpoint>): Endpoint[] {
  return (slice.endpoints ?? []).flatMap((endpoint) => {
    const key = keyOf(endpoint)
    const now = wanted.get(key)
    wanted.delete(key)
    return now ?? []
  })
}

/** Puts what is left over, less than a slice, into the fullest untouched slice with room for all of it. */
function placeTogether(drafts: Draft[], rest: Endpoint[]): void {
  const count = rest.length % sliceLimit
  if (count === 0) return
  const fits = drafts.filter(({ endpoints }) => endpoints.length > 0 && endpoints.length + count <= sliceLimit)
  const fullest = fits.sort((a, b) => b.endpoints.length - a.endpoints.length)[0]
  fullest?.endpoints.push(...rest.splice(rest.length - count, count))
}

/** Slices to be removed become those to be created: one call instead of two, and no moment without either. */
function recycle(drafts: Draft[], surplus: Stored<EndpointSlice>[]): void {
  for (const draft of drafts) {
    if (draft.slice !== undefined) continue
    const index = surplus.findIndex(({ addressType }) => addressType === draft.addressType)
    if (index !== -1) draft.slice = surplus.splice(index, 1)[0]
  }
}

function makeSlice(service: Stored<Service>, { addressType, ports, endpoints }: Draft): EndpointSlice {
  return {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: {
      generateName: `${service.metadata.name}-`,
      namespace: service.metadata.namespace,
      labels: {
        ...service.metadata.labels,
        ...(isHeadless(service) && { 'service.kubernetes.io/headless': '' }),
        [serviceNameLabel]: service.metadata.name,
        [managedByLabel]: managedBy,
      },
      ownerReferences: [ownerReference(services, service, true)],
    },
    addressType,
    endpoints,
    ports,
  }
}

function isUpToDate(slice: Stored<EndpointSlice>, wanted: EndpointSlice): boolean {
  return (
    isSame(slice.endpoints ?? [], wanted.endpoints) &&
    portsKey(slice.ports ?? []) === portsKey(wanted.ports ?? []) &&
    isSame(slice.metadata.labels, wanted.metadata?.labels)
  )
}

function replaceContent(
  slice: Stored<EndpointSlice>,
  { metadata, endpoints, ports }: EndpointSlice,
): Stored<EndpointSlice> {
  return { ...slice, metadata: { ...slice.metadata, labels: metadata?.labels }, endpoints, ports }
}

const keyOf = ({ addresses, targetRef }: Endpoint) => `${addresses[0]} ${targetRef?.uid}`

function toEndpoint({ pod, address, ready, serving, terminating, hostname }: Backend): Endpoint {
  const { name, namespace, uid } = pod.metadata
  return {
    addresses: [address],
    conditions: { ready, serving, terminating },
    ...(hostname !== undefined && { hostname }),
    ...(pod.spec.nodeName !== undefined && { nodeName: pod.spec.nodeName }),
    targetRef: { kind: 'Pod', namespace, name, uid },
  }
}
