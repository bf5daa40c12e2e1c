// What iptables and nftables have in common: base chains at hooks, chains of rules, verdicts. Each dialect reads its own rules;
// the walk through them is the same.

import type { HookName, RuleReference } from '../../../api/net/trace.ts'
import type { Packet } from './packet.ts'
import type { Namespace } from './world.ts'

/** What a rule may look at, and do. */
export interface RuleContext {
  packet: Packet
  namespace: Namespace
  hook: HookName
  /** Device the packet came in by; "" for the namespace's own. */
  iif: string
  /** Device it goes out by; "" where that is not decided yet. */
  oif: string
  /** Ports of the bridge, for packets that are bridged. */
  physicalIn: string
  physicalOut: string
  /** The API object that an element of a set or map belongs to, of the rules met so far in this chain. */
  object?: string | undefined
  /** Picks one of several random outcomes; every one is picked in some run. */
  choose(count: number): number
  /** NAT, remembered for the answer. */
  translate: Translate
}

interface Translate {
  destination(address: string | undefined, port: number | undefined): void
  source(address: string | undefined, port: number | undefined): void
  /** The address of the device by which the packet leaves. */
  masquerade(): void
  redirect(port: number | undefined): void
}

export type Verdict =
  | { kind: 'accept' | 'drop' | 'return' | 'queue' }
  | { kind: 'reject'; how: string }
  | { kind: 'jump' | 'goto'; chain: string }

/** What one rule did with the packet. */
export interface Effect {
  matched: boolean
  /** Why it could not be told whether it matches; it counts as not matching then. */
  unknown?: string
  /** Absent: on to the next rule. */
  verdict?: Verdict
  /** In words: "DNAT to 10.244.2.3:8080". */
  did: string[]
}

export interface Rule {
  /** With its place and counters; the object is found from the comment. */
  readonly reference: RuleReference
  apply(context: RuleContext): Effect
}

export interface BaseChain {
  /** "ip nat" for both dialects. */
  table: string
  chain: string
  type: 'filter' | 'nat' | 'route'
  hook: HookName
  priority: number
  policy: 'accept' | 'drop'
  /** Rules of this chain and of those it jumps to, by name. */
  rulesOf(chain: string): readonly Rule[] | undefined
}

/** How a base chain ended. */
export interface ChainEnd {
  verdict: 'accept' | 'drop' | 'reject' | 'queue'
  /** For reject: what the sender is told. */
  how?: string
  /** The rule that decided; absent when the policy did. */
  rule?: RuleReference
  /** Rules that matched and did something, jumps too. */
  matched: RuleReference[]
  did: string[]
  /** Rules that could not be evaluated. */
  unknown: string[]
}

interface Frame {
  rules: readonly Rule[]
  at: number
}

/** Takes the packet through a base chain as the kernel does. */
export function walkChain(base: BaseChain, context: RuleContext): ChainEnd {
  const end: ChainEnd = { verdict: base.policy, matched: [], did: [], unknown: [] }
  const stack: Frame[] = [{ rules: base.rulesOf(base.chain) ?? [], at: 0 }]
  for (let frame = stack.at(-1); frame !== undefined; frame = stack.at(-1)) {
    const rule = frame.rules[frame.at++]
    if (rule === undefined) {
      stack.pop()
      continue
    }
    const { matched, unknown, verdict, did } = rule.apply(context)
    if (unknown !== undefined) end.unknown.push(`${unknown}: ${rule.reference.chain} ${rule.reference.text}`)
    if (!matched) continue
    end.did.push(...did)
    const reference = withObject(rule.reference, context.object)
    if (verdict !== undefined || did.length > 0) end.matched.push(reference)
    if (verdict === undefined) continue
    if (verdict.kind === 'return') {
      stack.pop()
      // In the base chain itself, return means the policy.
    } else if (verdict.kind === 'jump' || verdict.kind === 'goto') {
      if (verdict.kind === 'goto') stack.pop()
      stack.push({ rules: base.rulesOf(verdict.chain) ?? [], at: 0 })
    } else return { ...end, verdict: verdict.kind, rule: reference, ...('how' in verdict && { how: verdict.how }) }
  }
  return end
}

/** Rules that many objects share are told by the object whose element led on. */
function withObject(reference: RuleReference, object: string | undefined): RuleReference {
  const isShared = reference.object === undefined || reference.object === 'Services'
  return object !== undefined && isShared ? { ...reference, object } : reference
}
