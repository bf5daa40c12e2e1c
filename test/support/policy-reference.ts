// Says whether a connection between two pods is allowed, straight from the words of the API reference of NetworkPolicy, as
// simply and slowly as can be. Shares nothing with the code under test.
// https://kubernetes.io/docs/reference/kubernetes-api/policy-resources/network-policy-v1/

import type { LabelSelector, NetworkPolicy, NetworkPolicyPeer, NetworkPolicyPort } from '../../api/generated/types.ts'

interface ReferencePod {
  namespace: string
  name: string
  labels: Record<string, string>
  ipv4: string
  ipv6: string
  ports: { name?: string; containerPort: number; protocol?: string }[]
}

export interface Traffic {
  from: ReferencePod
  to: ReferencePod
  family: 'ipv4' | 'ipv6'
  protocol: 'TCP' | 'UDP'
  port: number
}

export interface Cluster {
  /** Name -> labels. */
  namespaces: ReadonlyMap<string, Record<string, string>>
  policies: readonly NetworkPolicy[]
}

/** Egress of the source and ingress of the destination must both allow it. A pod cannot block access to itself. */
export function isAllowed(cluster: Cluster, traffic: Traffic): boolean {
  const { from, to } = traffic
  if (from.namespace === to.namespace && from.name === to.name) return true
  return allowsEgress(cluster, traffic) && allowsIngress(cluster, traffic)
}

function allowsIngress(cluster: Cluster, traffic: Traffic): boolean {
  const isolating = policiesOf(cluster, traffic.to).filter((policy) => isAbout(policy, 'Ingress'))
  if (isolating.length === 0) return true
  return isolating.some(({ metadata, spec }) =>
    (spec?.ingress ?? []).some(
      ({ from, ports }) =>
        peersMatch(from, cluster, metadata?.namespace, traffic.from, traffic.from[traffic.family]) &&
        portsMatch(ports, traffic),
    ),
  )
}

function allowsEgress(cluster: Cluster, traffic: Traffic): boolean {
  const isolating = policiesOf(cluster, traffic.from).filter((policy) => isAbout(policy, 'Egress'))
  if (isolating.length === 0) return true
  return isolating.some(({ metadata, spec }) =>
    (spec?.egress ?? []).some(
      ({ to, ports }) =>
        peersMatch(to, cluster, metadata?.namespace, traffic.to, traffic.to[traffic.family]) &&
        portsMatch(ports, traffic),
    ),
  )
}

function policiesOf({ policies }: Cluster, pod: ReferencePod): NetworkPolicy[] {
  return policies.filter(
    ({ metadata, spec }) => metadata?.namespace === pod.namespace && selects(spec?.podSelector ?? {}, pod.labels),
  )
}

/** "If not specified, it will default based on the existence of ingress or egress rules": Ingress always. */
function isAbout({ spec }: NetworkPolicy, type: 'Ingress' | 'Egress'): boolean {
  const types = spec?.policyTypes ?? []
  if (types.length > 0) return types.includes(type)
  return type === 'Ingress' || (spec?.egress ?? []).length > 0
}

/** "If this field is empty or missing, this rule matches all sources". */
function peersMatch(
  peers: NetworkPolicyPeer[] | undefined,
  { namespaces }: Cluster,
  ownNamespace: string | undefined,
  pod: ReferencePod,
  address: string,
): boolean {
  if (peers === undefined || peers.length === 0) return true
  return peers.some(({ podSelector, namespaceSelector, ipBlock }) => {
    if (ipBlock !== undefined)
      return isIn(address, ipBlock.cidr) && !(ipBlock.except ?? []).some((cidr) => isIn(address, cidr))
    const isInNamespace =
      namespaceSelector === undefined
        ? pod.namespace === ownNamespace
        : selects(namespaceSelector, namespaces.get(pod.namespace) ?? {})
    return isInNamespace && (podSelector === undefined || selects(podSelector, pod.labels))
  })
}

function portsMatch(ports: NetworkPolicyPort[] | undefined, { to, protocol, port: number }: Traffic): boolean {
  if (ports === undefined || ports.length === 0) return true
  return ports.some((item) => {
    if ((item.protocol ?? 'TCP') !== protocol) return false
    if (item.port === undefined) return true
    if (typeof item.port === 'number')
      return item.endPort === undefined ? number === item.port : number >= item.port && number <= item.endPort
    return to.ports.some(
      ({ name, containerPort, protocol: own = 'TCP' }) =>
        name === item.port && containerPort === number && own === protocol,
    )
  })
}

function selects({ matchLabels = {}, matchExpressions = [] }: LabelSelector, labels: Record<string, string>): boolean {
  for (const key of Object.keys(matchLabels)) if (labels[key] !== matchLabels[key]) return false
  for (const { key, operator, values = [] } of matchExpressions) {
    const value = labels[key]
    if (operator === 'Exists' && value === undefined) return false
    if (operator === 'DoesNotExist' && value !== undefined) return false
    if (operator === 'In' && (value === undefined || !values.includes(value))) return false
    if (operator === 'NotIn' && value !== undefined && values.includes(value)) return false
  }
  return true
}

/** Compares bit by bit. */
function isIn(address: string, cidr: string): boolean {
  const [network = '', length = '0'] = cidr.split('/')
  const [a, b] = [toBits(address), toBits(network)]
  return a.length === b.length && a.slice(0, Number(length)) === b.slice(0, Number(length))
}

function toBits(address: string): string {
  if (!address.includes(':'))
    return address
      .split('.')
      .map((part) => Number(part).toString(2).padStart(8, '0'))
      .join('')
  const [head = '', tail] = address.split('::')
  const [left, right] = [head, tail ?? ''].map((half) => (half === '' ? [] : half.split(':')))
  const gap = tail === undefined ? 0 : 8 - (left?.length ?? 0) - (right?.length ?? 0)
  return [...(left ?? []), ...Array<string>(gap).fill('0'), ...(right ?? [])]
    .map((part) => Number.parseInt(part, 16).toString(2).padStart(16, '0'))
    .join('')
}
