// Which node harms what. Pure. Packets are harmed on the node they are for, or on the way out when nobody is there to ask; delays
// need a link to wait at: the pod's, or the sender's uplink.

import type { FaultFlow, FaultKind, FaultRequest } from '../../../api/net/fault.ts'
import type { FaultEnd } from './ends.ts'

/** What is to be harmed from one end to another. */
export interface Direction {
  from: FaultEnd
  to: FaultEnd
}

/** How much: what of a FaultRequest is about its kind. */
export type Harm = Pick<FaultRequest, 'kind' | 'percent' | 'bitsPerSecond' | 'delayMs'>

/** Node -> the flows that it harms. Throws for what no node can do. */
export function planFlows(kind: FaultKind, directions: readonly Direction[]): Map<string, FaultFlow[]> {
  const flows = new Map<string, FaultFlow[]>()
  for (const { from, to } of directions) {
    const node = kind === 'delay' ? chooseDelayNode(from, to) : (to.node ?? from.node)
    const title = `${from.title} -> ${to.title}`
    if (node === undefined) throw new Error(`${title}: at least one end must be a node or a pod`)
    const flow: FaultFlow = {
      title,
      from: from.addresses,
      to: to.addresses,
      ...(kind === 'delay' && to.pod !== undefined && { pod: to.pod }),
    }
    flows.set(node, [...(flows.get(node) ?? []), flow])
  }
  return flows
}

function chooseDelayNode(from: FaultEnd, to: FaultEnd): string | undefined {
  if (to.pod !== undefined) return to.node
  if (from.node !== undefined && from.node === to.node)
    throw new Error(`${from.title} -> ${to.title}: packets to one's own node wait at no link; delay another direction`)
  return from.node
}

/** Reads the amount of a kind: "20%", "100ms", "1mbit"; cut has none. */
export function parseHarm(kind: FaultKind, amount: string): Harm {
  if (kind === 'cut') return { kind }
  const match = { drop: /^(\d+(?:\.\d{1,2})?)%?$/, delay: /^(\d+)(ms|s)$/, rate: /^(\d+(?:\.\d+)?)(k|m|g)bit$/ }[
    kind
  ].exec(amount)
  const [, number = '', unit = ''] = match ?? []
  if (kind === 'drop' && Number(number) > 0 && Number(number) <= 100) return { kind, percent: Number(number) }
  if (kind === 'delay' && match !== null) return { kind, delayMs: Number(number) * (unit === 's' ? 1000 : 1) }
  if (kind === 'rate' && match !== null)
    return { kind, bitsPerSecond: Math.round(Number(number) * ({ k: 1e3, m: 1e6, g: 1e9 }[unit] ?? 0)) }
  throw new Error(`cannot read ${kind} "${amount}": write ${{ drop: '20%', delay: '100ms', rate: '1mbit' }[kind]}`)
}
