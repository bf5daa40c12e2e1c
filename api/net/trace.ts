// What `net trace` tells: the way of one packet through the kernels of the cluster, hop by hop, and how it ends.

import type { Place } from './state.ts'

export type TraceProtocol = 'tcp' | 'udp' | 'icmp'

/** What is traced. Addresses are what the packet carries when it is sent. */
export interface Flow {
  protocol: TraceProtocol
  /** Absent: the sender's kernel chooses it. */
  source?: string
  destination: string
  /** 0 for ICMP. */
  port: number
  sourcePort: number
}

/** One rule of a firewall, as its own tool prints it. */
export interface RuleReference {
  /** "ip nat", "ip6 filter", "inet fairlead-policy". */
  table: string
  chain: string
  text: string
  packets?: number
  bytes?: number
  /** The API object that wants the rule: "Service default/web:http", "NetworkPolicy default/deny". */
  object?: string
}

/** Which part of the kernel decided. */
export type Step =
  | 'send'
  | 'rules'
  | 'conntrack'
  | 'route'
  | 'neighbour'
  | 'link'
  | 'bridge'
  | 'tunnel'
  | 'forward'
  | 'receive'
  | 'socket'

export interface Hop {
  place: Place
  step: Step
  device?: string
  text: string
  /** The packet as it leaves this hop: "10.244.1.2:40001 -> 10.244.2.3:8080". */
  packet: string
  /** Largest packet that passes here. */
  mtu?: number
  /** The rules that decided, in the order in which they were met. */
  rules?: RuleReference[]
  notes?: string[]
}

/** Why a packet does not arrive. */
export type Cause =
  | 'none'
  | 'address-duplicate'
  | 'address-missing'
  | 'arp-off'
  | 'bridge-nf-off'
  | 'chain-policy'
  | 'conntrack-full'
  | 'conntrack-stale'
  | 'fault'
  | 'fdb-missing'
  | 'fdb-wrong'
  | 'forwarding-off'
  | 'hairpin-off'
  | 'link-down'
  | 'loop'
  | 'martian-source'
  | 'mtu'
  | 'neighbour-failed'
  | 'neighbour-wrong'
  | 'no-endpoints'
  | 'no-masquerade'
  | 'no-route'
  | 'no-tunnel'
  | 'peer-missing'
  | 'peer-wrong'
  | 'not-here'
  | 'not-listening'
  | 'not-served'
  | 'policy'
  | 'port-down'
  | 'port-isolated'
  | 'reply-source'
  | 'route-blackhole'
  | 'route-prohibit'
  | 'route-unreachable'
  | 'route-wrong'
  | 'rp-filter'
  | 'rule'
  | 'source-lost'
  | 'source-range'

export interface End {
  /** left: to an address that no node or pod of the cluster has. refused: the sender hears of it at once. */
  outcome: 'delivered' | 'left' | 'refused' | 'dropped'
  cause: Cause
  /** One sentence for people. */
  text: string
  place: Place
  /** The hop at which it ended: an index into hops. */
  hop: number
  rule?: RuleReference
  /** The packet leaves the cluster, where it should not: what its sender hears, if anything, is up to somebody else. */
  isElsewhere?: boolean
}

/** The hooks of netfilter, at which rules see a packet. */
export type HookName = 'prerouting' | 'input' | 'forward' | 'output' | 'postrouting'

/** A hook that the packet comes to. */
export interface HookPass {
  place: Place
  hook: HookName
  /** The first hop that this hook, or what follows it, is told by: an index into hops. */
  hop: number
  /** Whether it leaves the hook alive. */
  passes: boolean
}

/** One direction. */
export interface Leg {
  hops: Hop[]
  /** In the order in which they are met. A real packet must be seen at just these. */
  hooks: HookPass[]
  end: End
}

/** One possible way: of a Service there are as many as it has endpoints. */
export interface TracedPath {
  forward: Leg
  /** The way back of the answer; absent when there is none. */
  reply?: Leg
  /** Largest packet that gets there and back. */
  mtu?: number
  /** Small packets get there and back; the ends told here are those of large ones. */
  isLargeOnly?: boolean
  /** What works, but not as one would want it. */
  warnings: { cause: Cause; text: string }[]
}

export interface Trace {
  flow: Flow
  paths: TracedPath[]
  /** There were more ways than were followed. */
  more: boolean
  /** What a real packet met; absent where none was sent. */
  proof?: Proof
}

/** A real packet, held against what was worked out. */
export interface Proof {
  /** The IP identification, or IPv6 flow label, that it carried. */
  mark: number
  outcome: 'answered' | 'refused' | 'silent' | 'unsent'
  /** The kernel's word for the outcome, such as ECONNREFUSED. */
  detail: string
  /** The way that it took: an index into paths. Absent when it took none of them. */
  path?: number
  /** Whether it was seen at just the hooks of that way, and came to the same end. */
  agrees: boolean
  /** How many hooks were watched that the way comes to. */
  hooks: number
  /** Where it was seen against what was worked out, or not seen: "node-2 forward: not seen". */
  differences: string[]
}
