// Sends the real packet of a trace: has it counted wherever it may come, sent from where it begins, and reads what was counted.

import { randomInt } from 'node:crypto'
import type { SeenAt, SendAnswer, WatchRequest } from '../../api/net/probe.ts'
import type { Flow } from '../../api/net/trace.ts'
import { sendPacket } from '../../cni/linux/sender.ts'
import type { NodeAgents } from './node-agents.ts'
import type { Places } from './world-of-flow.ts'

export interface RealPacketOptions {
  agents: NodeAgents
  places: Places
  flow: Flow
  /** The node, or the pod on it, that sends; or this machine, outside, whose packet may come to any of the nodes. */
  from: { node: string; pod?: string } | 'outside'
  timeoutMs: number
}

export interface RealPacket {
  mark: number
  /** Sends it, and tells what became of it and where it was seen. */
  send(): Promise<{ answer: SendAnswer; seen: SeenAt[] }>
}

/** Everything is ready to count once this is done. Throws when the node that sends cannot be asked. */
export async function prepareRealPacket(options: RealPacketOptions): Promise<RealPacket> {
  const { agents, places, flow, from } = options
  const mark = randomInt(1, 65_535)
  const id = randomInt(2 ** 40).toString(36)
  const beginOn = (node: string): WatchRequest['begin'] => {
    if (from === 'outside') return { hook: 'prerouting', flow }
    if (from.node !== node) return undefined
    return { ...(from.pod !== undefined && { pod: from.pod }), hook: 'output', flow }
  }
  const nodes = [...places]
  const begun = await Promise.allSettled(
    nodes.map(([node, pods]) => {
      const begin = beginOn(node)
      return agents.watch(node, { id, mark, protocol: flow.protocol, pods: [...pods], ...(begin && { begin }) })
    }),
  )
  // A node that does not answer is not watched; what sends must answer.
  const watched = nodes.flatMap(([node], at) => (begun[at]?.status === 'fulfilled' ? [node] : []))
  const failure = begun.find(
    (each, at) => each.status === 'rejected' && from !== 'outside' && nodes[at]?.[0] === from.node,
  )
  if (failure?.status === 'rejected') throw failure.reason
  return {
    mark,
    send: async () => {
      const answer = await send(options)
      const answers = await Promise.all(watched.map((node) => agents.seen(node, id)))
      return { answer, seen: answers.flatMap(({ seen }) => seen) }
    },
  }
}

async function send({ agents, flow, from, timeoutMs }: RealPacketOptions): Promise<SendAnswer> {
  if (from === 'outside') return await sendPacket({ ...flow, timeoutMs })
  const { node, pod } = from
  return await agents.sendPacket(node, { ...(pod !== undefined && { pod }), flow, timeoutMs })
}
