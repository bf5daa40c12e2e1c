// What `net fault` asks of an agent: to harm packets on their way, for a while.

/** GET /net/faults: an array of ActiveFault. POST /net/faults with a FaultRequest begins one; answers {} once it works. */
export const faultsPath = '/net/faults'
/** POST /net/heal?id=ID, without an id for all; answers with a HealAnswer. */
export const healPath = '/net/heal'

export type FaultKind = 'cut' | 'drop' | 'delay' | 'rate'

/** What is harmed: packets from one of these addresses or ranges to one of those. */
export interface FaultFlow {
  /** For people, and for the comment of the rule: "node-1 -> pod default/web". */
  title: string
  from: string[]
  to: string[]
  /** The pod on this node that the packets are for, "namespace/name"; absent: they leave by the route to the first of `to`. */
  pod?: string
}

export interface FaultRequest {
  /** Lower-case letters and digits, a letter first; the same on every node that takes part. */
  id: string
  kind: FaultKind
  /** Of drop: of 100. */
  percent?: number
  /** Of rate, for each flow. */
  bitsPerSecond?: number
  delayMs?: number
  /** It ends by itself after this, in the kernel: whatever becomes of the agent. */
  durationMs: number
  flows: FaultFlow[]
}

export interface ActiveFault {
  node: string
  id: string
  /** "cut", "drop 20%", "delay 100ms", "rate 1mbit". */
  what: string
  flows: string[]
  endsInMs: number
  /** How many packets it has dropped, or delayed. */
  packets: number
}

/** Ids of the faults that were ended. */
export interface HealAnswer {
  healed: string[]
}

/** A fault that is forgotten is no fault for long. */
export const longestFaultMs = 3_600_000

/** "cut", "drop 20%", "delay 100ms", "rate 1mbit". */
export function describeFault({
  kind,
  percent,
  bitsPerSecond,
  delayMs,
}: Pick<FaultRequest, 'kind' | 'percent' | 'bitsPerSecond' | 'delayMs'>): string {
  if (kind === 'drop') return `drop ${percent}%`
  if (kind === 'delay') return `delay ${delayMs}ms`
  return kind === 'rate' ? `rate ${formatRate(bitsPerSecond ?? 0)}` : kind
}

function formatRate(bitsPerSecond: number): string {
  const [unit, size] = bitsPerSecond >= 1e9 ? ['gbit', 1e9] : bitsPerSecond >= 1e6 ? ['mbit', 1e6] : ['kbit', 1e3]
  return `${bitsPerSecond / Number(size)}${unit}`
}
