// The real packet that proves a trace. It carries a mark that survives every kernel on its way (IPv4: the identification, IPv6:
// the flow label), set where the packet begins and counted at every hook of netfilter it comes through.

import type { Place } from './state.ts'
import type { Flow, HookName, TraceProtocol } from './trace.ts'

/** POST /net/watch: counts packets with the mark in the node's namespace and in those of the pods, until /net/seen asks. */
export interface WatchRequest {
  /** Names the watch: lower-case letters and digits. */
  id: string
  /** 1 to 65535. */
  mark: number
  /** Only the first packet of such a flow is counted: a busy node has others with the same identification. Absent: whatever has the mark. */
  protocol?: TraceProtocol
  /** "namespace/name" of pods on this node. */
  pods: string[]
  /** The packet begins here and gets its mark here: in the node's own namespace, or in that of the pod. */
  begin?: { pod?: string; hook: 'output' | 'prerouting'; flow: Flow }
}

/** How often marked packets came to a hook, and how often they left it alive. */
export interface SeenAt {
  place: Place
  hook: HookName
  entered: number
  left: number
}

/** GET /net/seen?id=ID ends the watch and answers with this. */
export interface SeenAnswer {
  seen: SeenAt[]
}

/** POST /net/send: sends one packet from the node's own namespace or a pod's, and waits for what becomes of it. */
export interface SendRequest {
  pod?: string
  flow: Flow
  timeoutMs: number
}

export interface SendAnswer {
  /** answered: a connection was made, or an answer came. silent: neither answer nor refusal within the time. */
  outcome: 'answered' | 'refused' | 'silent' | 'unsent'
  /** The kernel's word for it, such as ECONNREFUSED. */
  detail: string
}
