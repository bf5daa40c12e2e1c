// What must become of a packet to a Service: derived from Kubernetes' documentation of Services ("Virtual IPs and Service
// Proxies", "Service Internal Traffic Policy", "Using Source IP", KEP-1669 for terminating endpoints), and from nothing of
// the backends that it judges.

import type { PacketCase } from './cases.ts'
import type { Endpoints } from './services.ts'
import {
  isPod,
  type NodeName,
  nodeAddresses,
  nodeOf,
  outsideAddresses,
  ownAddresses,
  type PodName,
  podAddresses,
} from './topology.ts'

/** What a mode cannot do by its nature. */
export interface ModeTraits {
  /** Connections end at the node and begin anew there, so that endpoints see the node's address. */
  hidesClients: boolean
  /** Whether SCTP is refused everywhere. */
  refusesSctp: boolean
}

export const modeTraits: Record<string, ModeTraits> = {
  iptables: { hidesClients: false, refusesSctp: false },
  nftables: { hidesClients: false, refusesSctp: false },
  ipvs: { hidesClients: false, refusesSctp: false },
  userspace: { hidesClients: true, refusesSctp: true },
}

export type Expected =
  /** Any of these answers, and nothing else. */
  | { outcome: 'answered'; by: { pod: PodName; seen: readonly string[] }[] }
  | { outcome: 'refused' }
  | { outcome: 'dropped' }
  | { outcome: 'undefined'; why: string }

/** What Kubernetes promises for this case. */
export function expectedOf(packet: PacketCase, traits: ModeTraits): Expected {
  const { shape, source, protocol } = packet
  const { ready, terminating = [] } = shape.endpoints
  if (ready.length + terminating.length === 0) return { outcome: 'refused' }
  const { pods, keepsClient } = choose(packet)
  if (pods.length === 0) return { outcome: 'dropped' }
  if (protocol === 'sctp' && traits.refusesSctp) return { outcome: 'refused' }
  const node = handlingNode(packet)
  // The answer of a pod to a pod of its own node does not pass the node that was asked and would have to translate it back.
  if (
    packet.door === 'NodePort' &&
    keepsClient &&
    !traits.hidesClients &&
    isPod(source) &&
    pods.some((pod) => passesBy(pod, source, node))
  )
    return { outcome: 'undefined', why: 'the answer goes past the node that was asked' }
  const by = pods.map((pod) => ({
    pod,
    seen: keepsClient && pod !== source && !traits.hidesClients ? addressesOf(source) : ownAddresses(node),
  }))
  return { outcome: 'answered', by }
}

/** Who serves this caller, and whether they see the caller's own address. */
function choose({ shape, door, source, ...rest }: PacketCase): { pods: readonly PodName[]; keepsClient: boolean } {
  const all = serving(shape.endpoints)
  const local = serving(onNode(shape.endpoints, handlingNode({ shape, door, source, ...rest })))
  // Whoever is no pod could not take the answer from anybody but the address that it asked.
  if (door === 'ClusterIP') return { pods: shape.internal === 'Local' ? local : all, keepsClient: isPod(source) }
  if (shape.external === 'Cluster') return { pods: all, keepsClient: false }
  // The policy Local is for traffic from outside: inside, all endpoints are as near as for the ClusterIP.
  if (source !== 'outside') return { pods: all, keepsClient: isPod(source) }
  return { pods: local, keepsClient: true }
}

/** Ready endpoints, or those that end when no other is left. */
function serving({ ready, terminating = [] }: Endpoints): readonly PodName[] {
  return ready.length > 0 ? ready : terminating
}

function onNode({ ready, terminating = [] }: Endpoints, node: NodeName): Endpoints {
  const here = (pod: PodName) => nodeOf(pod) === node
  return { ready: ready.filter(here), terminating: terminating.filter(here) }
}

/** The node whose proxy meets the packet first. */
function handlingNode({ door, source }: PacketCase): NodeName {
  return isPod(source) && door !== 'NodePort' ? nodeOf(source) : 'node-1'
}

function passesBy(pod: PodName, source: PodName, node: NodeName): boolean {
  return nodeOf(pod) === nodeOf(source) && nodeOf(pod) !== node
}

function addressesOf(source: PacketCase['source']): string[] {
  if (isPod(source)) return Object.values(podAddresses(source))
  return Object.values(source === 'outside' ? outsideAddresses : nodeAddresses[source])
}

/** Why these answers are not what is expected; undefined when they are. */
export function complainAbout(expected: Expected, answers: readonly string[]): string | undefined {
  const wrong = answers.filter((answer) => !isExpected(expected, answer))
  return wrong.length === 0 ? undefined : `wanted ${describe(expected)}, got ${wrong.map(describeAnswer).join(', ')}`
}

/** An answer in words. */
export const describeAnswer = (answer: string) => answer || 'nothing'

function isExpected(expected: Expected, answer: string): boolean {
  if (expected.outcome === 'undefined') return true
  if (expected.outcome === 'refused') return answer === 'refused'
  if (expected.outcome === 'dropped') return answer === ''
  const [name, address = ''] = answer.split(' ')
  return expected.by.some(({ pod, seen }) => pod === name && seen.includes(address))
}

function describe(expected: Expected): string {
  if (expected.outcome !== 'answered') return expected.outcome
  return expected.by.map(({ pod, seen }) => `${pod} seeing ${seen.join('|')}`).join(' or ')
}
