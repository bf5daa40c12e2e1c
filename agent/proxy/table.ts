// Services and endpoint slices, made into one table of what must be served: pure, and free of any backend's words.

import type { EndpointSlice, Service } from '../../api/generated/types.ts'
import type { Stored } from '../../api/objects/object.ts'

type Protocol = 'tcp' | 'udp' | 'sctp'

export interface Endpoint {
  ip: string
  port: number
  /** On this node. */
  local: boolean
}

/** One port of one Service. */
export interface ServicePort {
  /** "namespace/name:port", or "namespace/name" for an unnamed port: the name in chains and comments. */
  id: string
  protocol: Protocol
  clusterIp: string
  port: number
  nodePort?: number
  /** External IPs and addresses of a load balancer: served like the node port, on the Service's own port. */
  externalIps: string[]
  /** Seconds that a client stays with its endpoint; undefined: no affinity. */
  affinitySeconds?: number
  /** Who serves traffic to the ClusterIP; local ones alone under internalTrafficPolicy Local. */
  endpoints: Endpoint[]
  /** Who serves traffic from outside under externalTrafficPolicy Local; undefined under Cluster. */
  externalLocal?: Endpoint[]
}

/** What the Service wants of this node. Headless and ExternalName Services want nothing. */
export function toServicePorts(
  service: Stored<Service>,
  slices: readonly EndpointSlice[],
  nodeName: string,
): ServicePort[] {
  const { clusterIP, type, ports = [], externalIPs = [], internalTrafficPolicy, externalTrafficPolicy } = service.spec
  if (type === 'ExternalName' || clusterIP === undefined || clusterIP === '' || clusterIP === 'None') return []
  const ingress = service.status?.loadBalancer?.ingress ?? []
  const balancerIps = ingress.flatMap(({ ip, ipMode }) => (ip !== undefined && ipMode !== 'Proxy' ? [ip] : []))
  const affinity =
    service.spec.sessionAffinity === 'ClientIP'
      ? (service.spec.sessionAffinityConfig?.clientIP?.timeoutSeconds ?? 10_800)
      : undefined
  return ports.map((port) => {
    const protocol = toProtocol(port.protocol)
    const candidates = findCandidates(slices, port.name ?? '', protocol, nodeName)
    const { namespace, name } = service.metadata
    return {
      id: `${namespace}/${name}${port.name === undefined || port.name === '' ? '' : `:${port.name}`}`,
      protocol,
      clusterIp: clusterIP,
      port: port.port,
      ...(port.nodePort !== undefined && port.nodePort > 0 && { nodePort: port.nodePort }),
      externalIps: [...externalIPs, ...balancerIps],
      ...(affinity !== undefined && { affinitySeconds: affinity }),
      endpoints: chooseServing(internalTrafficPolicy === 'Local' ? candidates.filter(isLocal) : candidates),
      ...(externalTrafficPolicy === 'Local' && { externalLocal: chooseServing(candidates.filter(isLocal)) }),
    }
  })
}

interface Candidate extends Endpoint {
  ready: boolean
  servingWhileTerminating: boolean
}

const isLocal = ({ local }: Endpoint) => local

/** Ready endpoints; when there are none, those that end but still serve (KEP-1669), so that the last requests are not lost. */
function chooseServing(candidates: Candidate[]): Endpoint[] {
  const ready = candidates.filter((candidate) => candidate.ready)
  const chosen = ready.length > 0 ? ready : candidates.filter((candidate) => candidate.servingWhileTerminating)
  return chosen.map(({ ip, port, local }) => ({ ip, port, local }))
}

/** All endpoints of the port, each address once, in an order that does not depend on the slices'. */
function findCandidates(
  slices: readonly EndpointSlice[],
  portName: string,
  protocol: Protocol,
  nodeName: string,
): Candidate[] {
  const found = new Map<string, Candidate>()
  for (const { addressType, endpoints, ports = [] } of slices) {
    if (addressType !== 'IPv4') continue
    const matching = ports.filter((port) => (port.name ?? '') === portName && toProtocol(port.protocol) === protocol)
    for (const { port = 0 } of matching) {
      for (const endpoint of endpoints ?? []) {
        const [ip] = endpoint.addresses
        if (ip === undefined) continue
        const { ready, serving, terminating } = endpoint.conditions ?? {}
        const candidate = {
          ip,
          port,
          local: endpoint.nodeName === nodeName,
          ready: ready !== false,
          servingWhileTerminating: serving === true && terminating === true,
        }
        // One address may be in two slices while it moves between them: ready wins.
        const key = `${ip}:${port}`
        if (found.get(key)?.ready !== true) found.set(key, candidate)
      }
    }
  }
  return [...found].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, candidate]) => candidate)
}

function toProtocol(protocol: string | undefined): Protocol {
  return protocol === 'UDP' ? 'udp' : protocol === 'SCTP' ? 'sctp' : 'tcp'
}
