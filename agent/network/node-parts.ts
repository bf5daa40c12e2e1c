// The parts of a node's network in the order in which they are made, each a comparison of kernel and plan.

import { type Family, familyOf } from '../../api/objects/addresses.ts'
import { planBridge } from '../../cni/bridge/bridge.ts'
import { parseRange } from '../../cni/ipam/range.ts'
import { listLinks } from '../../cni/linux/ip.ts'
import { bridgeName, compareOwnConfig } from './conflist.ts'
import { compareNoRules, compareRules } from './node-rules.ts'
import type { NodePlan, Uplink } from './plan.ts'
import type { Repair } from './repair.ts'
import { compareRoutes } from './routes.ts'
import { compareSysctls } from './sysctls.ts'
import { compareVtep } from './vtep.ts'
import { compareWireguard } from './wireguard.ts'
import type { WireguardKey } from './wireguard-key.ts'

export interface NodeParts {
  plan: NodePlan
  uplinks: readonly Uplink[]
  clusterCidrs: readonly string[]
  confDir: string
  reservationsDir: string
  /** Of the network kind wireguard. */
  wireguardKey?: WireguardKey
  /** Whose everything is that no other node wants. */
  owner: string
}

/** Comparisons to run one after the other: each finds what the repairs of those before it have made. */
export function compareParts(parts: NodeParts): (() => Promise<Repair[]>)[] {
  const { plan, owner } = parts
  const vtep = () => compareVtep(plan.vtep, plan.tunnels, owner)
  const wireguard = () => compareWireguard(plan.wireguard, plan.peers, parts.wireguardKey, owner)
  const routes = () => compareRoutes(plan.routes)
  // Of a mode that is left, routes move away before their device goes; of one that comes, the device is there first.
  const kept = [...(plan.vtep === undefined ? [] : [vtep]), ...(plan.wireguard === undefined ? [] : [wireguard])]
  const left = [vtep, wireguard].filter((each) => !kept.includes(each))
  const ways = [...kept, routes, ...left]
  if (plan.ranges.length === 0) return ways
  return [
    ...ways,
    () => compareBridge(parts),
    () => compareOwnSysctls(parts),
    () => compareFamily(parts, 'ipv4'),
    () => compareFamily(parts, 'ipv6'),
    // Last: with it the node is ready for pods.
    () => compareOwnConfig(parts.confDir, { ...plan, reservationsDir: parts.reservationsDir }, owner),
  ]
}

/** The plugin makes the bridge with the first pod; a range that changed since is not its to see. */
async function compareBridge({ plan, owner }: NodeParts): Promise<Repair[]> {
  const [existing] = await listLinks({}, ['dev', bridgeName])
  if (existing === undefined) return []
  const wish = { bridge: bridgeName, mtu: plan.mtu, ranges: plan.ranges.map((range) => parseRange(range)) }
  return planBridge(wish, existing).map(({ what, name, state, line }) => ({
    differences: [{ kind: what, name, state, owner }],
    ip: [line],
  }))
}

async function compareOwnSysctls({ plan, uplinks, owner }: NodeParts): Promise<Repair[]> {
  const outer = [...new Set(uplinks.flatMap(({ link }) => link?.dev ?? []))]
  const inner = [plan.vtep, plan.wireguard].flatMap((device) => (device === undefined ? [] : [device.name]))
  return await compareSysctls({ ranges: plan.ranges, devices: [...outer, ...inner, bridgeName], uplinks: outer, owner })
}

async function compareFamily({ plan, clusterCidrs, owner }: NodeParts, family: Family): Promise<Repair[]> {
  const range = plan.ranges.find((each) => familyOf(each) === family)
  const clusterCidr = clusterCidrs.find((each) => familyOf(each) === family)
  if (range === undefined) return await compareNoRules(family, owner)
  if (clusterCidr === undefined)
    throw new Error(`${owner} has the pod range ${range}, and --cluster-cidr none of ${family}`)
  return await compareRules({ family, range, clusterCidr, nearNodes: plan.nearNodes, owner })
}
