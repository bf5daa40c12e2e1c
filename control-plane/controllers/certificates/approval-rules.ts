// Which requests are approved without an administrator: those of agents, for what is theirs. Pure; the facts are given.
//
// A token lets its holder become a new node, not one that there is: the identity of a node reads the Secrets of its pods.
// What a serving certificate says is believed by whoever connects, so that it names nothing but the node that asks, and
// no address of anybody else. (A node says itself which addresses it has, so that its own word for them proves nothing.)

import ipaddr from 'ipaddr.js'
import type { Node, Pod } from '../../../api/generated/types.ts'
import { isInRange } from '../../../api/objects/addresses.ts'
import { whyNotDnsSubdomain } from '../../../api/objects/names.ts'
import type { Stored } from '../../../api/objects/object.ts'

/** Labels that only an administrator sets, and that bring workloads to a node. */
const restrictedLabel = /(^|\.)node-restriction\.kubernetes\.io\//

/** Names and addresses that are the API server's, and ranges that are nobody's host. */
export interface Reserved {
  names: readonly string[]
  /** Ranges of Services and of pods. */
  cidrs: readonly string[]
}

/** Why a host may not become the node of this name; undefined if it may. found: the Node there is; pods: those bound to it. */
export function whyNotNewNode(
  name: string,
  found: Stored<Node> | undefined,
  pods: readonly Stored<Pod>[],
  reserved: Reserved,
): string | undefined {
  const wrong = whyNotNodeName(name, reserved)
  if (wrong !== undefined || found === undefined) return wrong
  const isReady = found.status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True') === true
  const isMarked = Object.keys(found.metadata.labels ?? {}).some((label) => restrictedLabel.test(label))
  const state = isReady
    ? 'is Ready'
    : pods.length > 0
      ? `has ${pods.length} pods`
      : isMarked
        ? 'has labels that an administrator gave it'
        : undefined
  if (state === undefined) return undefined
  return (
    `node "${name}" exists and ${state}: give this host another name, ` +
    `or, if it takes the other's place, delete that node first (kubectl delete node ${name})`
  )
}

/** The agent's certificate bears the node's name, so that a node cannot have the name of another server. */
function whyNotNodeName(name: string, reserved: Reserved): string | undefined {
  const why = whyNotDnsSubdomain(name)
  if (why !== undefined) return `node name "${name}": ${why}`
  return reserved.names.includes(name) || ipaddr.isValid(name)
    ? `node name "${name}": it is a name of the API server, or an address`
    : undefined
}

/** Why a node does not get a serving certificate for these; undefined if it does. */
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
  if (!ipaddr.isValid(text)) return refuse('is none')
  const address = ipaddr.process(text)
  const isSame = (other: string) => ipaddr.isValid(other) && ipaddr.process(other).toString() === address.toString()
  if (['loopback', 'unspecified', 'multicast', 'broadcast'].includes(address.range()))
    return refuse('belongs to no single host')
  if (reserved.names.some(isSame)) return refuse("is the API server's")
  if (reserved.cidrs.some((cidr) => isInRange(address.toString(), cidr)))
    return refuse('is in a range of Services or pods')
  const owner = nodes.find(
    ({ metadata, status }) => metadata.name !== name && status?.addresses?.some((each) => isSame(each.address)),
  )
  if (owner === undefined) return undefined
  const other = owner.metadata.name
  return refuse(`is that of node "${other}"; if that node is gone, delete it (kubectl delete node ${other})`)
}
