// Answers for names of the cluster's zone, by the Kubernetes DNS-Based Service Discovery Specification 1.1.0. Pure.
// https://github.com/kubernetes/dns/blob/master/docs/specification.md

import type { Answer } from 'dns-packet'
import ipaddr from 'ipaddr.js'
import type { Service } from '../../api/generated/types.ts'
import type { Stored } from '../../api/objects/object.ts'
import type { Lookup } from './cluster.ts'
import { type ServiceEndpoint, serviceEndpoints } from './endpoints.ts'
import { dashedAddress, toDashed } from './names.ts'

/** What is known of a name. */
export interface Found {
  /** False: NXDOMAIN. A name without records of the type asked for exists all the same. */
  exists: boolean
  answers: Answer[]
  additionals: Answer[]
  /** The name is another name for this one. */
  alias?: string
}

export interface ZoneOptions {
  /** Such as "cluster.local". */
  zone: string
  /** Seconds that answers may be kept. */
  ttl: number
  /** The Service of the DNS servers: "kube-system/kube-dns". */
  ownService: string
}

const nothing: Found = { exists: false, answers: [], additionals: [] }
const empty: Found = { exists: true, answers: [], additionals: [] }
const specVersion = '1.1.0'

/** Records of the name with these labels below the zone. `owner` is the name as it was asked for: answers carry it. */
export function findRecords(
  lookup: Lookup,
  labels: readonly string[],
  owner: string,
  type: string,
  zone: ZoneOptions,
): Found {
  const { ttl, ownService } = zone
  const question = { owner, type, zone }
  const rest = labels.slice(0, -1)
  switch (labels.at(-1)) {
    case undefined:
      return found(type === 'NS' ? [{ type: 'NS', name: owner, ttl, data: `ns.dns.${zone.zone}` }] : [])
    case 'svc':
      return findInServices(lookup, rest, question)
    case 'pod':
      return findPod(lookup, rest, question)
    case 'dns-version':
      if (rest.length > 0) return nothing
      return found(type === 'TXT' ? [{ type: 'TXT', name: owner, ttl, data: specVersion }] : [])
    case 'dns':
      if (rest.length === 0) return empty
      return rest.join('.') === 'ns' ? findService(lookup, ownService, question) : nothing
    default:
      return nothing
  }
}

interface Asked {
  owner: string
  type: string
  zone: ZoneOptions
}

const found = (answers: Answer[], additionals: Answer[] = []): Found => ({ exists: true, answers, additionals })

/** labels are those below "svc": [], [ns], [service, ns], [host, service, ns], [_port, _proto, service, ns]. */
function findInServices(lookup: Lookup, labels: readonly string[], asked: Asked): Found {
  if (labels.length === 0) return empty
  const namespace = labels.at(-1) ?? ''
  if (labels.length === 1) return lookup.hasNamespace(namespace) ? empty : nothing
  const key = `${namespace}/${labels.at(-2)}`
  const below = labels.slice(0, -2)
  if (below.length === 0) return findService(lookup, key, asked)
  const service = lookup.service(key)
  if (service === undefined || !isServed(service)) return nothing
  const [first = '', second] = below
  if (second === undefined)
    return first.startsWith('_') ? findProtocol(lookup, service, first) : findHost(lookup, service, first, asked)
  return below.length === 2 && first.startsWith('_') && second.startsWith('_')
    ? findPort(lookup, service, { port: first.slice(1), protocol: second.slice(1) }, asked)
    : nothing
}

const isHeadless = ({ spec }: Stored<Service>) => spec.clusterIP === 'None'
const isServed = ({ spec }: Stored<Service>) => spec.type !== 'ExternalName' && (spec.clusterIP ?? '') !== ''

function findService(lookup: Lookup, key: string, asked: Asked): Found {
  const service = lookup.service(key)
  if (service === undefined) return nothing
  const { type, externalName } = service.spec
  if (type === 'ExternalName') return externalName === undefined ? nothing : { ...empty, alias: externalName }
  if (!isServed(service)) return nothing
  const endpoints = isHeadless(service) ? serviceEndpoints(lookup, service) : undefined
  // As the specification has it: a headless Service with nobody behind it is no name at all.
  if (endpoints?.length === 0) return nothing
  if (asked.type === 'SRV') return findPort(lookup, service, {}, asked)
  return found(addressRecords(endpoints?.map(({ address }) => address) ?? service.spec.clusterIPs ?? [], asked))
}

/** "_tcp.web.default.svc": nothing but the way to the names of ports. */
function findProtocol(lookup: Lookup, service: Stored<Service>, label: string): Found {
  return portsOf(lookup, service).some(({ protocol }) => `_${protocol}` === label) ? empty : nothing
}

/** One endpoint of a headless Service, by its host name or its address. */
function findHost(lookup: Lookup, service: Stored<Service>, host: string, asked: Asked): Found {
  if (!isHeadless(service)) return nothing
  const addresses = serviceEndpoints(lookup, service).filter((endpoint) => hostOf(endpoint) === host)
  return addresses.length === 0
    ? nothing
    : found(
        addressRecords(
          addresses.map(({ address }) => address),
          asked,
        ),
      )
}

interface PortRecord {
  name: string
  protocol: string
  port: number
  /** Host label of the endpoint; absent: the Service's own name. */
  endpoint?: ServiceEndpoint
}

/** SRV records of all ports of a Service, or of one. */
function findPort(
  lookup: Lookup,
  service: Stored<Service>,
  wanted: { port?: string; protocol?: string },
  { owner, type, zone }: Asked,
): Found {
  const matching = portsOf(lookup, service).filter(
    ({ name, protocol }) =>
      (wanted.port === undefined || name === wanted.port) &&
      (wanted.protocol === undefined || protocol === wanted.protocol),
  )
  if (matching.length === 0) return wanted.port === undefined ? empty : nothing
  if (type !== 'SRV') return empty
  const { namespace, name } = service.metadata
  const base = `${name}.${namespace}.svc.${zone.zone}`
  const targetOf = ({ endpoint }: PortRecord) => (endpoint === undefined ? base : `${hostOf(endpoint)}.${base}`)
  // One record for each port and host, however many families the host has.
  const answers = new Map<string, Answer>()
  const additionals = new Map<string, Answer>()
  for (const record of matching) {
    const target = targetOf(record)
    const data = { priority: 0, weight: 100, port: record.port, target }
    answers.set(`${record.port} ${target}`, { type: 'SRV', name: owner, ttl: zone.ttl, data })
    const addresses = record.endpoint === undefined ? (service.spec.clusterIPs ?? []) : [record.endpoint.address]
    for (const address of addresses) additionals.set(`${target} ${address}`, toRecord(target, address, zone.ttl))
  }
  return found([...answers.values()], [...additionals.values()])
}

function portsOf(lookup: Lookup, service: Stored<Service>): PortRecord[] {
  if (isHeadless(service))
    return serviceEndpoints(lookup, service).flatMap((endpoint) =>
      endpoint.ports.map((port) => ({ ...port, endpoint })),
    )
  return (service.spec.ports ?? []).map(({ name = '', protocol = 'TCP', port = 0 }) => ({
    name,
    protocol: protocol.toLowerCase(),
    port,
  }))
}

const hostOf = ({ hostname, address }: ServiceEndpoint) => hostname ?? toDashed(address)

/** "10-244-1-2.default.pod": any address in a namespace that exists; pods are not looked up, which would cost a watch of all. */
function findPod(lookup: Lookup, labels: readonly string[], asked: Asked): Found {
  if (labels.length === 0) return empty
  if (!lookup.hasNamespace(labels.at(-1) ?? '')) return nothing
  if (labels.length === 1) return empty
  const address = labels.length === 2 ? dashedAddress(labels[0] ?? '') : undefined
  return address === undefined ? nothing : found(addressRecords([address], asked))
}

function addressRecords(addresses: readonly string[], { owner, type, zone }: Asked): Answer[] {
  return [...new Set(addresses)]
    .map((address) => toRecord(owner, address, zone.ttl))
    .filter((record) => record.type === type)
}

function toRecord(name: string, address: string, ttl: number): Answer {
  return { type: address.includes(':') ? 'AAAA' : 'A', name, ttl, data: address }
}

/** Names of the Service or endpoints with this address; undefined: it is nobody's here. */
export function findPointers(
  lookup: Lookup,
  address: string,
  owner: string,
  { zone, ttl }: ZoneOptions,
): Answer[] | undefined {
  const normalized = ipaddr.parse(address).toString()
  const toName = (key: string) => `${key.split('/').reverse().join('.')}.svc.${zone}`
  const ofServices = lookup
    .servicesAt(normalized)
    .map(({ metadata }) => toName(`${metadata.namespace}/${metadata.name}`))
  const ofEndpoints = lookup.slicesAt(normalized).flatMap((slice) => {
    const key = `${slice.metadata.namespace}/${slice.metadata.labels?.['kubernetes.io/service-name']}`
    const service = lookup.service(key)
    if (service === undefined || !isHeadless(service)) return []
    return serviceEndpoints(lookup, service)
      .filter((endpoint) => endpoint.address === normalized)
      .map((endpoint) => `${hostOf(endpoint)}.${toName(key)}`)
  })
  const names = new Set([...ofServices, ...ofEndpoints])
  return names.size === 0 ? undefined : [...names].map((data) => ({ type: 'PTR', name: owner, ttl, data }))
}
