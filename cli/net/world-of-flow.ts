// Asks the nodes that a flow may pass for their pictures.

import type { NamespaceState } from '../../api/net/state.ts'
import type { TraceEnd } from './ends.ts'
import type { NodeAgents } from './node-agents.ts'

export interface Pictures {
  states: NamespaceState[]
  /** Nodes that could not be asked, and why. */
  missing: string[]
}

/** The nodes that a flow may pass, each with the pods on it that count. */
export type Places = ReadonlyMap<string, ReadonlySet<string>>

/** Both ends, so many of the Service's backends (there are as many ways as these), and their nodes. */
export function findPlaces(ends: readonly TraceEnd[], extraNodes: readonly string[], backendLimit: number): Places {
  const podsByNode = new Map<string, Set<string>>(extraNodes.map((node) => [node, new Set()]))
  for (const { node, pod, backends = [] } of ends) {
    const places = [...(node === undefined ? [] : [{ node, pod }]), ...backends.slice(0, backendLimit)]
    for (const place of places) {
      const found = podsByNode.get(place.node) ?? new Set()
      podsByNode.set(place.node, found)
      if (place.pod !== undefined) found.add(place.pod)
    }
  }
  return podsByNode
}

/** Pictures of all the places. */
export async function takePictures(
  agents: NodeAgents,
  places: Places,
  addresses: readonly string[],
): Promise<Pictures> {
  const nodes = [...places]
  const answers = await Promise.allSettled(nodes.map(([node, keys]) => agents.states(node, [...keys], addresses)))
  return {
    states: answers.flatMap((answer) => (answer.status === 'fulfilled' ? answer.value : [])),
    missing: answers.flatMap((answer, at) =>
      answer.status === 'rejected' ? [`${nodes[at]?.[0]}: ${messageOf(answer.reason)}`] : [],
    ),
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
