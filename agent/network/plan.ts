// What this node's kernel needs so that its pods reach all others: routes and rules, worked out from the Nodes. Pure.

import type { Node } from '../../api/generated/types.ts'
import type { Stored } from '../../api/objects/object.ts'

export interface NodeRoute {
  /** Another node's pod range. */
  dst: string
  /** That node's address. */
  gateway: string
}

/** Routes by host-gw: every other node is the gateway of its pods. Sorted by range. */
export function planRoutes(nodes: readonly Stored<Node>[], selfName: string): NodeRoute[] {
  const routes = nodes.flatMap(({ metadata, spec, status }): NodeRoute[] => {
    const gateway = internalIpOf(status)
    return metadata.name === selfName || spec.podCIDR === undefined || gateway === undefined
      ? []
      : [{ dst: spec.podCIDR, gateway }]
  })
  return routes.sort((a, b) => (a.dst < b.dst ? -1 : 1))
}

/** Addresses of all nodes, sorted. */
export function nodeAddresses(nodes: readonly Stored<Node>[]): string[] {
  return nodes.flatMap(({ status }) => internalIpOf(status) ?? []).sort()
}

function internalIpOf(status: Node['status']): string | undefined {
  return status?.addresses?.find(({ type }) => type === 'InternalIP')?.address
}

/** What must change so that the kernel's routes are the wanted ones. */
export function diffRoutes(
  wanted: readonly NodeRoute[],
  actual: readonly { dst: string; gateway?: string }[],
): { replace: NodeRoute[]; remove: string[] } {
  const present = new Map(actual.map(({ dst, gateway }) => [dst, gateway]))
  return {
    replace: wanted.filter(({ dst, gateway }) => present.get(dst) !== gateway),
    remove: [...present.keys()].filter((dst) => !wanted.some((route) => route.dst === dst)),
  }
}

/** The chains of this node's own rules, by table, each rule as iptables-save prints it. */
export function planRules({
  podCidr,
  clusterCidr,
  addresses,
}: {
  podCidr: string
  clusterCidr: string
  addresses: readonly string[]
}) {
  return {
    nat: {
      chain: 'FAIRLEAD-MASQ',
      // Nodes have routes back to pods, so pods show them their own address: NAT is for what leaves the cluster alone.
      rules: [
        ...addresses.map((address) => `-d ${address}/32 -j RETURN`),
        '-d 224.0.0.0/4 -j RETURN',
        '-j MASQUERADE --random-fully',
      ],
      jump: [
        'POSTROUTING',
        `-s ${podCidr} ! -d ${clusterCidr} -m comment --comment "fairlead: pods to outside the cluster" -j FAIRLEAD-MASQ`,
      ],
    },
    filter: {
      chain: 'FAIRLEAD-FORWARD',
      rules: [`-s ${clusterCidr} -j ACCEPT`, `-d ${clusterCidr} -j ACCEPT`],
      // Last, so that a user's own DROP still counts; needed where the policy is DROP, as Docker sets it.
      jump: ['FORWARD', '-m comment --comment "fairlead: pod traffic" -j FAIRLEAD-FORWARD'],
    },
  } as const
}
