// The two ends of a trace as they are written on the command line, found in the cluster.

import type { Client } from '../../api/client/client.ts'
import type { Node, Pod, Service } from '../../api/generated/types.ts'
import type { TraceProtocol } from '../../api/net/trace.ts'
import { type Family, familyOf } from '../../api/objects/addresses.ts'
import type { Stored } from '../../api/objects/object.ts'
import { endpointSlices } from '../../api/resources/endpoint-slices.ts'
import { nodes } from '../../api/resources/nodes.ts'
import { pods } from '../../api/resources/pods.ts'
import { services } from '../../api/resources/services.ts'
import type { Session } from '../session.ts'
import { type NamedEnd, parseEnd } from './end-words.ts'

/** One end. Absent fields: not known, or no matter. */
export interface TraceEnd {
  /** For people: "pod default/web". */
  title: string
  /** In the order in which they are preferred. */
  addresses: string[]
  port?: number
  protocol?: TraceProtocol
  /** Where it is. */
  node?: string
  pod?: string
  isOutside?: boolean
  /** "namespace/name" of the Service whose address it is. */
  service?: string
  /** Of a Service: the addresses of its load balancer. */
  balancerAddresses?: string[]
  /** It is reached by one of those. */
  isBalancer?: boolean
  /** Pods behind it, as "node namespace/name". */
  backends?: { node: string; pod: string }[]
}

/** How to look, and in which namespace where none is named. */
interface Finder extends Pick<Session, 'namespace'> {
  client: Client
}

/** Finds what a word names: see parseEnd. Throws when the cluster has no such thing, and for what cannot be read. */
export async function findEnd(session: Finder, word: string): Promise<TraceEnd> {
  const end = parseEnd(word)
  switch (end.kind) {
    case 'address':
      return await findAddress(session, end)
    case 'outside':
      return { title: word, isOutside: true, addresses: end.address === undefined ? [] : [end.address] }
    case 'pod':
      return await findPodEnd(session, end)
    case 'service':
      return await findServiceEnd(session, end)
    case 'node':
      return await findNodeEnd(session, end)
  }
}

async function findPodEnd(
  session: Finder,
  { name, namespace = session.namespace, portText }: NamedEnd,
): Promise<TraceEnd> {
  const pod = await session.client.get(pods, { namespace, name })
  const { nodeName } = pod.spec
  if (nodeName === undefined || nodeName === '') throw new Error(`pod ${namespace}/${name} is on no node yet`)
  return { ...podEnd(pod, nodeName), ...(portText !== undefined && { port: podPort(pod, portText) }) }
}

function podEnd(pod: Stored<Pod>, node: string): TraceEnd {
  const key = `${pod.metadata.namespace}/${pod.metadata.name}`
  const addresses = (pod.status?.podIPs ?? []).flatMap(({ ip }) => ip ?? [])
  const first = pod.spec.containers.flatMap(({ ports = [] }) => ports)[0]
  return {
    title: `pod ${key}`,
    addresses: addresses.length > 0 ? addresses : [pod.status?.podIP ?? ''].filter((ip) => ip !== ''),
    node,
    // A pod of the node's own network is the node.
    ...(pod.spec.hostNetwork !== true && { pod: key }),
    ...(first !== undefined && { port: first.containerPort, protocol: toProtocol(first.protocol) }),
  }
}

function podPort({ spec, metadata }: Stored<Pod>, text: string): number {
  if (/^\d+$/.test(text)) return Number(text)
  const found = spec.containers.flatMap(({ ports = [] }) => ports).find(({ name }) => name === text)
  if (found === undefined) throw new Error(`pod ${metadata.name} has no port "${text}"`)
  return found.containerPort
}

async function findServiceEnd(
  session: Finder,
  { name, namespace = session.namespace, portText }: NamedEnd,
): Promise<TraceEnd> {
  const service = await session.client.get(services, { namespace, name })
  const { clusterIP, clusterIPs = [], type, externalName } = service.spec
  if (type === 'ExternalName')
    throw new Error(`service ${name} is a name for ${externalName}: it has no address to trace to`)
  if (clusterIP === undefined || clusterIP === 'None')
    throw new Error(`service ${name} is headless: trace to one of its pods`)
  const port = servicePort(service, portText)
  return {
    title: `service ${namespace}/${name}`,
    addresses: clusterIPs.length > 0 ? clusterIPs : [clusterIP],
    service: `${namespace}/${name}`,
    balancerAddresses: balancerAddressesOf(service),
    port: port.port,
    protocol: toProtocol(port.protocol),
    backends: await findBackends(session, service),
  }
}

function balancerAddressesOf({ spec, status }: Stored<Service>): string[] {
  const ingress = (status?.loadBalancer?.ingress ?? []).flatMap(({ ip }) => ip ?? [])
  return [...ingress, ...(spec.externalIPs ?? [])]
}

function servicePort({ spec, metadata }: Stored<Service>, text: string | undefined) {
  const { ports = [] } = spec
  const found = text === undefined ? ports[0] : ports.find(({ name, port }) => name === text || String(port) === text)
  if (found !== undefined) return found
  if (text !== undefined && /^\d+$/.test(text)) return { port: Number(text) }
  throw new Error(`service ${metadata.name} has no port "${text ?? ''}"`)
}

/** Pods of the Service, ready or not, so that the trace sees where its packets may go. */
async function findBackends(
  { client }: Finder,
  { metadata }: Stored<Service>,
): Promise<{ node: string; pod: string }[]> {
  const labelSelector = `kubernetes.io/service-name=${metadata.name}`
  const { items } = await client.list(endpointSlices, { namespace: metadata.namespace, labelSelector })
  return items.flatMap(({ endpoints }) =>
    (endpoints ?? []).flatMap(({ nodeName, targetRef }) =>
      nodeName === undefined || targetRef?.kind !== 'Pod'
        ? []
        : [{ node: nodeName, pod: `${targetRef.namespace}/${targetRef.name}` }],
    ),
  )
}

async function findNodeEnd({ client }: Finder, { name, portText }: NamedEnd): Promise<TraceEnd> {
  return { ...nodeEnd(await client.get(nodes, { name })), ...(portText !== undefined && { port: Number(portText) }) }
}

function nodeEnd({ metadata, status }: Stored<Node>): TraceEnd {
  const addresses = (status?.addresses ?? []).filter(({ type }) => type === 'InternalIP').map(({ address }) => address)
  return { title: `node ${metadata.name}`, addresses, node: metadata.name }
}

/** Whose address it is, if it is anybody's of the cluster. */
async function findAddress(session: Finder, { address, port }: { address: string; port?: number }): Promise<TraceEnd> {
  const { client } = session
  const withPort = port === undefined ? {} : { port }
  const [allPods, allServices, allNodes] = await Promise.all([
    client.list(pods),
    client.list(services),
    client.list(nodes),
  ])
  const pod = allPods.items.find(({ status }) => status?.podIPs?.some(({ ip }) => ip === address))
  if (pod?.spec.nodeName !== undefined && pod.spec.hostNetwork !== true)
    return { ...podEnd(pod, pod.spec.nodeName), addresses: [address], ...withPort }
  const node = allNodes.items.find(({ status }) => status?.addresses?.some((each) => each.address === address))
  if (node !== undefined)
    return {
      ...nodeEnd(node),
      addresses: [address],
      ...(await nodePortBackends(session, allServices.items, port)),
      ...withPort,
    }
  const service = allServices.items.find(
    (each) =>
      each.spec.clusterIPs?.includes(address) ||
      each.spec.clusterIP === address ||
      balancerAddressesOf(each).includes(address),
  )
  if (service === undefined) return { title: address, addresses: [address], ...withPort }
  const { namespace = '', name } = service.metadata
  const found = await findServiceEnd(session, {
    name,
    namespace,
    ...(port !== undefined && { portText: String(port) }),
  })
  const isBalancer = found.balancerAddresses?.includes(address) === true
  return { ...found, addresses: [address], balancerAddresses: [], ...(isBalancer && { isBalancer }) }
}

/** The Service whose node port it is. */
export async function nodePortBackends(
  session: Finder,
  all: readonly Stored<Service>[],
  port: number | undefined,
): Promise<Partial<TraceEnd>> {
  const service = all.find(({ spec }) => port !== undefined && spec.ports?.some(({ nodePort }) => nodePort === port))
  if (service === undefined) return {}
  const { namespace = '', name } = service.metadata
  const found = service.spec.ports?.find(({ nodePort }) => nodePort === port)
  return {
    service: `${namespace}/${name}`,
    protocol: toProtocol(found?.protocol),
    backends: await findBackends(session, service),
  }
}

function toProtocol(text: string | undefined): TraceProtocol {
  return text === 'UDP' ? 'udp' : 'tcp'
}

/** The family that both ends have: that of the destination's first address which the source shares. */
export function chooseAddress(source: TraceEnd, destination: TraceEnd, wanted?: Family): string {
  const fitting = destination.addresses.filter((address) => wanted === undefined || familyOf(address) === wanted)
  const shared = fitting.find(
    (address) => source.addresses.length === 0 || source.addresses.some((own) => familyOf(own) === familyOf(address)),
  )
  const chosen = shared ?? fitting[0]
  if (chosen === undefined) throw new Error(`${destination.title} has no ${wanted ?? 'IP'} address`)
  return chosen
}
