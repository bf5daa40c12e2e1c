// Services and endpoint slices, made into one table of what must be served: pure, and free of any backend's words.

import type { EndpointSlice, Service } from '../../api/generated/types.ts'
import {
  canonicalAddress,
  type Family,
  familyOf,
  isAddress,
  whyNotMachineAddress,
} from '../../api/objects/addresses.ts'
import type { Stored } from '../../api/objects/object.ts'
import { toSourceRanges } from './source-ranges.ts'

export type Protocol = 'tcp' | 'udp' | 'sctp'

export interface Endpoint {
  ip: string
  port: number
  /** On this node. */
  local: boolean
}

/** One port of one Service in one address family: a dual-stack Service has each of its ports twice. Addresses and ranges are canonical. */
export interface ServicePort {
  /** "namespace/name:port", or "namespace/name" for an unnamed port: the name in chains and comments. */
  id: string
  family: Family
  protocol: Protocol
  clusterIp: string
  port: number
  nodePort?: number
  /** spec.externalIPs. Served like the node port, on the Service's own port. */
  externalIps: string[]
  /** Addresses of the load balancer that this node must take itself. Served like externalIps, but for sourceRanges. */
  loadBalancerIps: string[]
  /** Who may come by loadBalancerIps, none within another; empty: everybody. */
  sourceRanges: string[]
  /** Seconds that a client stays with its endpoint; undefined: no affinity. */
  affinitySeconds?: number
  /** Which endpoints serve the ClusterIP: all, or this node's. */
  internalPolicy: TrafficPolicy
  /** Which endpoints serve traffic from outside. Under Local the client's address is kept. */
  externalPolicy: TrafficPolicy
  /** Who serves under the policy Cluster. */
  cluster: Endpoint[]
  /** Who serves under the policy Local: endpoints of this node. */
  local: Endpoint[]
  /** Endpoints that get nothing new, but are there: connections that they have may go on. */
  draining?: Endpoint[]
}

export type TrafficPolicy = 'Cluster' | 'Local'

/** Who serves traffic to the ClusterIP. */
export function internalEndpoints({ internalPolicy, cluster, local }: ServicePort): Endpoint[] {
  return internalPolicy === 'Local' ? local : cluster
}

/** Who serves traffic from outside. Pods and the node itself reach `cluster` even under the policy Local. */
export function externalEndpoints({ externalPolicy, cluster, local }: ServicePort): Endpoint[] {
  return externalPolicy === 'Local' ? local : cluster
}

/** Every endpoint that this node may send to, each once. */
export function allEndpoints({ cluster, local }: ServicePort): Endpoint[] {
  const known = new Set(cluster.map(({ ip, port }) => `${ip}:${port}`))
  return [...cluster, ...local.filter(({ ip, port }) => !known.has(`${ip}:${port}`))]
}

/** Where the table is for. */
export interface Place {
  nodeName: string
  /** The node's label topology.kubernetes.io/zone. */
  zone?: string | undefined
  /** The node's own addresses, at most one per family. */
  nodeIps?: readonly string[] | undefined
}

/** Names the proxy that serves a Service. Ours has no name: where the label is, even empty, somebody else does. */
const proxyNameLabel = 'service.kubernetes.io/service-proxy-name'

/** Whether the Service is another proxy's. */
export function isForOtherProxy({ metadata }: Stored<Service>): boolean {
  return metadata.labels?.[proxyNameLabel] !== undefined
}

/** What the Service wants of this node. Headless and ExternalName Services, and those of other proxies, want nothing. */
export function toServicePorts(
  service: Stored<Service>,
  slices: readonly EndpointSlice[],
  place: Place,
): ServicePort[] {
  const { clusterIP, clusterIPs = [], type, ports = [] } = service.spec
  if (isForOtherProxy(service)) return []
  if (type === 'ExternalName' || clusterIP === undefined || clusterIP === '' || clusterIP === 'None') return []
  // Rules of nft and iptables know no zones, and one bad line of theirs refuses all.
  const addresses = (clusterIPs.length > 0 ? clusterIPs : [clusterIP]).filter(isAddress)
  return addresses.flatMap((address) => ports.map((port) => toServicePort(service, address, port, slices, place)))
}

type ApiPort = NonNullable<Service['spec']>['ports'] extends (infer Port)[] | undefined ? Port : never

function toServicePort(
  { metadata, spec, status }: Stored<Service>,
  clusterIp: string,
  port: ApiPort,
  slices: readonly EndpointSlice[],
  place: Place,
): ServicePort {
  const family = familyOf(clusterIp)
  const protocol = toProtocol(port.protocol)
  const candidates = findCandidates(slices, family, port.name ?? '', protocol, place)
  const cluster = chooseServing(chooseNear(candidates))
  const local = chooseServing(candidates.filter(isLocal))
  const ofFamily = (addresses: string[]) => addresses.filter((address) => familyOf(address) === family)
  const toUnique = (addresses: string[]) => [...new Set(ofFamily(addresses).filter(isAddress).map(canonicalAddress))]
  const ingress = status?.loadBalancer?.ingress ?? []
  const loadBalancerIps = toUnique(
    ingress.flatMap(({ ip, ipMode }) => (ip !== undefined && ipMode !== 'Proxy' ? [ip] : [])),
  )
  const affinity =
    spec.sessionAffinity === 'ClientIP' ? (spec.sessionAffinityConfig?.clientIP?.timeoutSeconds ?? 10_800) : undefined
  return {
    id: `${metadata.namespace}/${metadata.name}${port.name === undefined || port.name === '' ? '' : `:${port.name}`}`,
    family,
    protocol,
    clusterIp: canonicalAddress(clusterIp),
    port: port.port,
    ...(port.nodePort !== undefined && port.nodePort > 0 && { nodePort: port.nodePort }),
    // Whoever may write a Service must not take what programs of a node ask their own loopback.
    externalIps: toUnique((spec.externalIPs ?? []).filter((address) => whyNotMachineAddress(address) === undefined)),
    loadBalancerIps,
    sourceRanges: toSourceRanges(ofFamily(spec.loadBalancerSourceRanges ?? []), {
      nodeIps: place.nodeIps ?? [],
      loadBalancerIps,
    }),
    ...(affinity !== undefined && { affinitySeconds: affinity }),
    internalPolicy: spec.internalTrafficPolicy === 'Local' ? 'Local' : 'Cluster',
    externalPolicy: spec.externalTrafficPolicy === 'Local' ? 'Local' : 'Cluster',
    cluster,
    local,
    draining: withoutThose(candidates.map(toEndpoint), [...cluster, ...local]),
  }
}

function withoutThose(endpoints: Endpoint[], others: Endpoint[]): Endpoint[] {
  const taken = new Set(others.map(({ ip, port }) => `${ip}:${port}`))
  return endpoints.filter(({ ip, port }) => !taken.has(`${ip}:${port}`))
}

interface Candidate extends Endpoint {
  ready: boolean
  servingWhileTerminating: boolean
  /** Whether it is for this node, or this node's zone; undefined: it has no hint. */
  forNode: boolean | undefined
  forZone: boolean | undefined
}

const isLocal = ({ local }: Endpoint) => local
const toEndpoint = ({ ip, port, local }: Candidate): Endpoint => ({ ip, port, local })

/** Ready endpoints; when there are none, those that end but still serve (KEP-1669), so that the last requests are not lost. */
function chooseServing(candidates: Candidate[]): Endpoint[] {
  const ready = candidates.filter((candidate) => candidate.ready)
  const chosen = ready.length > 0 ? ready : candidates.filter((candidate) => candidate.servingWhileTerminating)
  return chosen.map(toEndpoint)
}

/**
 * Those that are hinted at for this node, else for its zone, else all: hints count only when every ready endpoint has one
 * and one is for here, as others may not have heard of them yet.
 * https://kubernetes.io/docs/concepts/services-networking/topology-aware-routing/#safeguards
 */
function chooseNear(candidates: Candidate[]): Candidate[] {
  const ready = candidates.filter((candidate) => candidate.ready)
  const near = (['forNode', 'forZone'] as const).find(
    (hint) => ready.every((candidate) => candidate[hint] !== undefined) && ready.some((candidate) => candidate[hint]),
  )
  return near === undefined ? candidates : candidates.filter((candidate) => candidate[near])
}

/** All endpoints of the port, each address once, in an order that does not depend on the slices'. */
function findCandidates(
  slices: readonly EndpointSlice[],
  family: Family,
  portName: string,
  protocol: Protocol,
  { nodeName, zone }: Place,
): Candidate[] {
  const found = new Map<string, Candidate>()
  for (const { addressType, endpoints, ports = [] } of slices) {
    if (addressType !== (family === 'ipv4' ? 'IPv4' : 'IPv6')) continue
    const matching = ports.filter((port) => (port.name ?? '') === portName && toProtocol(port.protocol) === protocol)
    for (const { port = 0 } of matching) {
      // A slice need not number its ports: such a port is nothing that one could send to.
      if (port === 0) continue
      for (const endpoint of endpoints ?? []) {
        const [address] = endpoint.addresses
        if (address === undefined || !isAddress(address)) continue
        const ip = canonicalAddress(address)
        const { ready, serving, terminating } = endpoint.conditions ?? {}
        const candidate = {
          ip,
          port,
          local: endpoint.nodeName === nodeName,
          ready: ready !== false,
          servingWhileTerminating: serving === true && terminating === true,
          forNode: isAmong(endpoint.hints?.forNodes, nodeName),
          forZone: isAmong(endpoint.hints?.forZones, zone),
        }
        // One address may be in two slices while it moves between them: ready wins.
        const key = `${ip}:${port}`
        if (found.get(key)?.ready !== true) found.set(key, candidate)
      }
    }
  }
  return [...found].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, candidate]) => candidate)
}

function isAmong(hints: { name: string }[] | undefined, name: string | undefined): boolean | undefined {
  return hints === undefined || hints.length === 0 ? undefined : hints.some((hint) => hint.name === name)
}

function toProtocol(protocol: string | undefined): Protocol {
  return protocol === 'UDP' ? 'udp' : protocol === 'SCTP' ? 'sctp' : 'tcp'
}
