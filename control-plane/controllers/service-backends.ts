// Which pods stand behind a service, at which addresses and ports. Pure; EndpointSlices and Endpoints are made from it.
// https://kubernetes.io/docs/concepts/services-networking/endpoint-slices/

import type { Lister } from '../../api/client/informer.ts'
import type { ObjectMeta, Pod, Service, ServicePort } from '../../api/generated/types.ts'
import type { Stored } from '../../api/objects/object.ts'
import { isPodFinished, isPodReady } from './pod-state.ts'

export type AddressType = 'IPv4' | 'IPv6'

/** One pod at one address. */
export interface Backend {
  pod: Stored<Pod>
  address: string
  /** Passes its readiness probes, terminating or not. */
  serving: boolean
  terminating: boolean
  /** Takes new connections. */
  ready: boolean
  /** Its name within the service's DNS domain. */
  hostname: string | undefined
}

/** A port as clients of the service know it, with the number that the pods listen on. */
export interface BackendPort {
  name: string
  port: number
  protocol: string
  appProtocol?: string
}

/** Backends with the same ports. Named target ports may differ from pod to pod, then there are several groups. */
export interface BackendGroup {
  ports: BackendPort[]
  backends: Backend[]
}

/** "namespace/key=value" of each label. */
export function labelPairs({ namespace, labels }: ObjectMeta): string[] {
  return Object.entries(labels ?? {}).map(([key, value]) => `${namespace}/${key}=${value}`)
}

/** The first of the pairs that a pod of this service must have, or undefined for a service that selects no pods. */
export function selectorHandle({ metadata, spec }: Stored<Service>): string | undefined {
  if (spec.type === 'ExternalName') return undefined
  return labelPairs({ namespace: metadata.namespace, labels: spec.selector }).sort()[0]
}

/** The services that select the pod. Takes time for each of its labels, not for each service. */
export function servicesOfPod(services: Lister<Service>, { metadata }: Stored<Pod>): Stored<Service>[] {
  return labelPairs(metadata)
    .flatMap((pair) => services.byIndex('selector', pair))
    .filter((service) => selects(service, metadata))
}

/** The pods that the service selects. */
export function podsOfService(pods: Lister<Pod>, service: Stored<Service>): Stored<Pod>[] {
  const handle = selectorHandle(service)
  return handle === undefined ? [] : pods.byIndex('label', handle).filter(({ metadata }) => selects(service, metadata))
}

function selects({ spec }: Stored<Service>, { labels }: ObjectMeta): boolean {
  return Object.entries(spec.selector ?? {}).every(([key, value]) => labels?.[key] === value)
}

/** The address families that the service is reached by. */
export function addressTypesOf({ spec }: Stored<Service>): AddressType[] {
  const families = spec.ipFamilies ?? []
  return families.length === 0 ? ['IPv4'] : families.map((family) => (family === 'IPv6' ? 'IPv6' : 'IPv4'))
}

/** The service's backends of one address family, in the order of the pods' names, grouped by ports. */
export function groupBackends(service: Stored<Service>, pods: Stored<Pod>[], addressType: AddressType): BackendGroup[] {
  const groups = new Map<string, BackendGroup>()
  const sorted = [...pods].sort((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1))
  for (const pod of sorted) {
    const address = addressOf(pod, addressType)
    if (address === undefined || isPodFinished(pod)) continue
    const ports = (service.spec.ports ?? []).flatMap((port) => resolvePort(port, pod) ?? [])
    if (ports.length === 0 && (service.spec.ports ?? []).length > 0) continue
    const key = portsKey(ports)
    const group = groups.get(key) ?? { ports, backends: [] }
    group.backends.push(makeBackend(service, pod, address))
    groups.set(key, group)
  }
  return [...groups.values()]
}

/** The same for the same ports. */
export function portsKey(ports: { name?: string; port?: number; protocol?: string; appProtocol?: string }[]): string {
  return ports
    .map(({ name = '', port, protocol, appProtocol = '' }) => `${name}/${port}/${protocol}/${appProtocol}`)
    .sort()
    .join(',')
}

/** True if the service has no address of its own: DNS answers with the pods'. */
export function isHeadless({ spec }: Stored<Service>): boolean {
  return spec.clusterIP === 'None'
}

function makeBackend({ metadata, spec }: Stored<Service>, pod: Stored<Pod>, address: string): Backend {
  const serving = isPodReady(pod)
  const terminating = pod.metadata.deletionTimestamp !== undefined
  return {
    pod,
    address,
    serving,
    terminating,
    ready: spec.publishNotReadyAddresses === true || (serving && !terminating),
    hostname: pod.spec.subdomain === metadata.name ? pod.spec.hostname : undefined,
  }
}

function addressOf({ status }: Stored<Pod>, addressType: AddressType): string | undefined {
  const addresses = [...(status?.podIPs ?? []).map(({ ip }) => ip), status?.podIP]
  return addresses.find((ip) => ip !== undefined && ip !== '' && ip.includes(':') === (addressType === 'IPv6'))
}

function resolvePort(port: ServicePort, { spec }: Stored<Pod>): BackendPort | undefined {
  const { name = '', protocol = 'TCP', appProtocol, targetPort = port.port } = port
  const number = typeof targetPort === 'number' ? targetPort || port.port : findPort(spec, targetPort, protocol)
  if (number === undefined) return undefined
  return { name, port: number, protocol, ...(appProtocol !== undefined && { appProtocol }) }
}

function findPort({ containers, initContainers = [] }: Stored<Pod>['spec'], name: string, protocol: string) {
  const sidecars = initContainers.filter(({ restartPolicy }) => restartPolicy === 'Always')
  const ports = [...containers, ...sidecars].flatMap((container) => container.ports ?? [])
  return ports.find((port) => port.name === name && (port.protocol ?? 'TCP') === protocol)?.containerPort
}
