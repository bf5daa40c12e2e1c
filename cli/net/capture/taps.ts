// Which links are tapped, and with which filter.

import { type CaptureHop, captureLimits, type HopRole, hopsPath } from '../../../api/net/capture.ts'
import type { NodeAgents } from '../node-agents.ts'
import { planFilter } from './filter.ts'
import type { Target } from './targets.ts'

/** One link that is listened at. */
export interface Tap {
  hop: CaptureHop
  filter: string
  /** Which of two that saw a packet at the same time did so first. */
  rank: number
}

/** A bridge, and a tunnel, hand packets on with the time at which the link below got them. */
const ranks: Record<HopRole, number> = { pod: 0, port: 1, uplink: 2, tunnel: 3, bridge: 4 }

/** Asks the agents for their links. A node that does not answer is told of and left out, and so are pods without links of their own. */
export async function findTaps(
  agents: Pick<NodeAgents, 'json'>,
  targets: readonly Target[],
  user: string,
  onMissing: (node: string, error: Error) => void,
): Promise<Tap[]> {
  const nodes = [...new Set(targets.flatMap((target) => [...target.nodes, ...target.pods.map(({ node }) => node)]))]
  const found = await Promise.all(
    nodes.map(async (node) => {
      const pods = targets.flatMap((target) => target.pods.filter((pod) => pod.node === node).map(({ pod }) => pod))
      const query = new URLSearchParams([...new Set(pods)].map((pod) => ['pod', pod]))
      try {
        const hops = await agents.json<CaptureHop[]>('GET', node, `${hopsPath}?${query}`)
        for (const missing of new Set(pods).difference(new Set(hops.map(({ place }) => place.pod))))
          onMissing(node, new Error(`pod ${missing} has no network of its own there`))
        return hops
      } catch (error) {
        onMissing(node, error instanceof Error ? error : new Error(String(error)))
        return []
      }
    }),
  )
  return found.flatMap((hops) => planTaps(hops, targets, user))
}

/** Pure. The hops are those of one node. */
export function planTaps(hops: readonly CaptureHop[], targets: readonly Target[], user: string): Tap[] {
  const tunnelPort = hops.find((hop) => hop.tunnelPort !== undefined)?.tunnelPort
  return hops.flatMap((hop) => {
    const concerned = targets.filter((target) => isOf(target, hop))
    if (concerned.length === 0) return []
    // Each between brackets, with an "or".
    const longest = Math.floor(captureLimits.filterLength / concerned.length) - (concerned.length > 1 ? 6 : 0)
    const filters = concerned.map(({ scope }) => planFilter(hop, scope, user, tunnelPort, longest))
    return [{ hop, filter: either([...new Set(filters)]), rank: ranks[hop.role] }]
  })
}

function isOf({ nodes, pods }: Target, { place, peer }: CaptureHop): boolean {
  const pod = place.pod ?? peer
  return pod === undefined ? nodes.includes(place.node) : pods.some((each) => each.pod === pod)
}

function either(filters: readonly string[]): string {
  if (filters.includes('')) return ''
  return filters.length === 1 ? (filters[0] ?? '') : filters.map((filter) => `(${filter})`).join(' or ')
}

/** "node-1 default/web-1 eth0", "node-1 veth0a1b default/web-1", "node-1 cbr0". */
export function describeHop({ place, device, peer }: CaptureHop): string {
  return [place.node, place.pod, device, peer].filter((word) => word !== undefined).join(' ')
}
