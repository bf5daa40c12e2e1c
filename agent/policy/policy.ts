// A NetworkPolicy in the form that rules are made of: selectors ready to be asked, blocks cut, ports joined. Pure, and free
// of the words of any firewall. What nobody can match is kept out here, so that rules below mean what they say.

import type { NetworkPolicy, NetworkPolicyPeer, NetworkPolicyPort } from '../../api/generated/types.ts'
import { type Family, familyOf } from '../../api/objects/addresses.ts'
import { type Stored, toKey } from '../../api/objects/object.ts'
import { type Selector, toSelector } from '../../api/objects/selectors.ts'
import { join, type Range, subtract, toRange } from './ranges.ts'

export type Direction = 'ingress' | 'egress'
export const directions: readonly Direction[] = ['ingress', 'egress']

export type Protocol = 'tcp' | 'udp' | 'sctp'

export interface Policy {
  /** "namespace/name". */
  key: string
  namespace: string
  /** Which pods of the namespace the policy isolates. */
  selector: Selector
  /** What may come in; undefined: the policy is not about ingress. No rules: nothing. */
  ingress?: Rule[]
  egress?: Rule[]
}

/** Traffic that fits one of the peers and one of the ports is allowed. */
export interface Rule {
  /** Undefined: everybody, inside and outside of the cluster. */
  peers?: Peers
  /** Undefined: every protocol and port. */
  ports?: PortMatch[]
}

interface Peers {
  pods: PodGroup | undefined
  blocks: Record<Family, Range[]>
}

/** Pods that fit at least one selector. Groups of the same id hold the same pods. */
export interface PodGroup {
  id: string
  selectors: PeerSelector[]
}

interface PeerSelector {
  /** The one namespace to look in, or which ones. */
  namespaces: string | Selector
  pods: Selector
}

/** What of one protocol is allowed. */
export interface PortMatch {
  protocol: Protocol
  /** Undefined: every port of the protocol. */
  ranges?: Range[]
  /** Ports by the name that the receiving pod gives them. */
  names: string[]
}

/** Reads a policy that the API server has accepted. */
export function toPolicy(policy: Stored<NetworkPolicy>): Policy {
  const { spec, metadata } = policy
  const namespace = metadata.namespace ?? ''
  const types = spec.policyTypes ?? ['Ingress']
  return {
    key: toKey(policy),
    namespace,
    selector: toSelector(spec.podSelector ?? {}),
    ...(types.includes('Ingress') && {
      ingress: (spec.ingress ?? []).map(({ from, ports }) => toRule(from, ports, namespace)),
    }),
    ...(types.includes('Egress') && {
      egress: (spec.egress ?? []).map(({ to, ports }) => toRule(to, ports, namespace)),
    }),
  }
}

/** An empty list means no restriction, as a missing one does. */
function toRule(peers: NetworkPolicyPeer[] = [], ports: NetworkPolicyPort[] = [], namespace: string): Rule {
  return {
    ...(peers.length > 0 && { peers: toPeers(peers, namespace) }),
    ...(ports.length > 0 && { ports: toPorts(ports) }),
  }
}

function toPeers(peers: NetworkPolicyPeer[], namespace: string): Peers {
  const blocks: Peers['blocks'] = { ipv4: [], ipv6: [] }
  for (const { ipBlock } of peers)
    if (ipBlock !== undefined)
      blocks[familyOf(ipBlock.cidr)].push(...subtract([toRange(ipBlock.cidr)], (ipBlock.except ?? []).map(toRange)))
  const selectors = peers.filter(({ ipBlock }) => ipBlock === undefined).map((peer) => toSelectors(peer, namespace))
  return { pods: toGroup(selectors), blocks: { ipv4: join(blocks.ipv4), ipv6: join(blocks.ipv6) } }
}

function toSelectors({ podSelector, namespaceSelector }: NetworkPolicyPeer, namespace: string): PeerSelector {
  return {
    namespaces: namespaceSelector === undefined ? namespace : toSelector(namespaceSelector),
    pods: toSelector(podSelector ?? {}),
  }
}

function toGroup(selectors: PeerSelector[]): PodGroup | undefined {
  if (selectors.length === 0) return undefined
  return { id: [...new Set(selectors.map(describeSelector))].sort().join(' or '), selectors }
}

/** Says which pods are meant; the same text means the same pods. */
function describeSelector({ namespaces, pods }: PeerSelector): string {
  const which = pods.toString()
  const where = typeof namespaces === 'string' ? namespaces : `namespaces ${namespaces.toString() || '*'}`
  return `pods ${which || '*'} of ${where}`
}

function toPorts(ports: NetworkPolicyPort[]): PortMatch[] {
  const protocols = [...new Set(ports.map(protocolOf))]
  return protocols.map((protocol) => {
    const items = ports.filter((port) => protocolOf(port) === protocol)
    const numbers = items.flatMap(({ port, endPort }) =>
      typeof port === 'number' ? [{ first: BigInt(port), last: BigInt(endPort ?? port) }] : [],
    )
    const names = items.flatMap(({ port }) => (typeof port === 'string' ? [port] : []))
    const isAll = items.some(({ port }) => port === undefined)
    return isAll ? { protocol, names: [] } : { protocol, ranges: join(numbers), names: [...new Set(names)].sort() }
  })
}

function protocolOf({ protocol }: NetworkPolicyPort): Protocol {
  return protocol === 'UDP' ? 'udp' : protocol === 'SCTP' ? 'sctp' : 'tcp'
}
