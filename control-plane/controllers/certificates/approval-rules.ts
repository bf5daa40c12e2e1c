// Which requests are approved without an administrator: those of agents, for what is theirs. Pure; the facts are given.
//
// A token lets its holder become a new node, not one that there is: the identity of a node reads the Secrets of its pods.
// What a serving certificate says is believed by whoever connects, so that it names nothing but the node that asks, and
// no address of anybody else. (A node says itself which addresses it has, so that its own word for them proves nothing.)

import ipaddr from 'ipaddr.js'
import type { Node, Pod } from '../../../api/generated/types.ts'
import { hostAddress, isInRange } from '../../../api/objects/addresses.ts'
import { whyNotDnsSubdomain } from '../../../api/objects/names.ts'
import type { Stored } from '../../../api/objects/object.ts'
import { isRestrictedLabel } from '../../../api/resources/node-rules.ts'

/** Names and addresses that are the API server's, and names and ranges that are nobody's host. */
export interface Reserved {
  names: readonly string[]
  /** Ranges of Services and of pods. */
  cidrs: readonly string[]
  /** What Services are below in DNS. */
  clusterDomain: string
}

/** Why a host may not become the node of this name; undefined if it may. found: the Node there is; pods: those bound to it. */
export function whyNotNewNode(
  name: string,
  found: Stored<Node> | undefined,
  pods: readonly Stored<Pod>[],
  reserved: Reserved,
): string | undefined {
  const wrong = whyNotNodeName(name, reserved)
  if (wrong !== undefined) return wrong
  const state = whyTaken(found, pods)
  if (state === undefined) return undefined
  const remedy =
    found === undefined
      ? 'or, if it takes the place of a node that was deleted, wait until its pods are deleted too (kubectl get pods -A)'
      : `or, if it takes the other's place, delete that node first (kubectl delete node ${name})`
  return `node "${name}" ${state}: give this host another name, ${remedy}`
}

/** Whose agent it becomes may read what the pods need, also of a Node that was deleted before them. */
function whyTaken(found: Stored<Node> | undefined, pods: readonly Stored<Pod>[]): string | undefined {
  if (found === undefined) return pods.length > 0 ? `was deleted and still has ${pods.length} pods` : undefined
  const { status, metadata } = found
  const ready = status?.conditions?.find(({ type }) => type === 'Ready')
  if (ready?.status === 'True') return 'exists and is Ready'
  // Unknown is what the control plane writes of an agent that it has not heard for a while.
  if (ready?.status === 'False') return 'exists and has an agent, which says that it is not Ready'
  if (pods.length > 0) return `exists and has ${pods.length} pods`
  return Object.keys(metadata.labels ?? {}).some(isRestrictedLabel)
    ? 'exists and has labels that an administrator gave it'
    : undefined
}

/** The agent's certificate bears the node's name, so that a node cannot have the name of another server. */
function whyNotNodeName(name: string, reserved: Reserved): string | undefined {
  const why = whyNotDnsSubdomain(name)
  if (why !== undefined) return `node name "${name}": ${why}`
  if (reserved.names.includes(name) || ipaddr.isValid(name))
    return `node name "${name}": it is a name of the API server, or an address`
  const isOfService = /\.svc(\.|$)/.test(name) || name.endsWith(`.${reserved.clusterDomain}`)
  return isOfService ? `node name "${name}": it is a name that Services have in DNS` : undefined
}

/** Why a node does not get a serving certificate for these; undefined if it does. nodes: at least those with one of the addresses. */
export function whyNotServing(
  name: string,
  { dnsNames, addresses }: { dnsNames: readonly string[]; addresses: readonly string[] },
  nodes: readonly Stored<Node>[],
  reserved: Reserved,
): string | undefined {
  const otherName = dnsNames.find((dnsName) => dnsName !== name)
  if (otherName !== undefined) return `DNS name "${otherName}": node "${name}" may be called by its own name alone`
  return (
    whyNotNodeName(name, reserved) ??
    addresses.map((address) => whyNotAddress(name, address, nodes, reserved)).find((why) => why !== undefined)
  )
}

function whyNotAddress(
  name: string,
  text: string,
  nodes: readonly Stored<Node>[],
  reserved: Reserved,
): string | undefined {
  const refuse = (why: string) => `address ${text}: ${why}`
  const address = hostAddress(text)
  if (address === undefined) return refuse('is none')
  const isSame = (other: string) => hostAddress(other) === address
  if (['loopback', 'unspecified', 'multicast', 'broadcast'].includes(ipaddr.parse(address).range()))
    return refuse('belongs to no single host')
  if (reserved.names.some(isSame)) return refuse("is the API server's")
  if (reserved.cidrs.some((cidr) => isInRange(address, cidr))) return refuse('is in a range of Services or pods')
  const owner = nodes.find(
    ({ metadata, status }) => metadata.name !== name && status?.addresses?.some((each) => isSame(each.address)),
  )
  if (owner === undefined) return undefined
  const other = owner.metadata.name
  return refuse(`is that of node "${other}"; if that node is gone, delete it (kubectl delete node ${other})`)
}
