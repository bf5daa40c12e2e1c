// This node's own iptables rules for pod traffic, apart from Services, which the proxy serves.

import type { Difference } from '../../api/net/difference.ts'
import { type Family, familyOf } from '../../api/objects/addresses.ts'
import { parseTable, saveTable } from '../../cni/linux/iptables.ts'
import { hasIpv6 } from '../../cni/linux/ipv6.ts'
import { ifNoProgram } from '../../cni/linux/missing-program.ts'
import type { ChainName } from '../../cni/linux/nft-netlink.ts'
import type { NodePlan } from './plan.ts'
import type { Repair } from './repair.ts'

interface ChainRule {
  /** As iptables-save prints it, after "-A CHAIN ". */
  text: string
  owner: string
}

interface ChainPlan {
  table: 'nat' | 'filter'
  chain: string
  rules: ChainRule[]
  /** A built-in chain, and its rule that leads to ours. */
  from: string
  jump: string
}

export interface RulesWish {
  family: Family
  /** This node's pod range of that family. */
  range: string
  clusterCidr: string
  nearNodes: NodePlan['nearNodes']
  owner: string
}

/** The chain that every node has, of the family of the first range of pods. */
export function forwardChain(clusterCidr: string): ChainName {
  return { family: familyOf(clusterCidr), table: 'filter', chain: 'FAIRLEAD-FORWARD' }
}

/** The chains of this node's own rules. Pure. */
export function planRules({ family, range, clusterCidr, nearNodes, owner }: RulesWish): ChainPlan[] {
  const [bits, multicast] = family === 'ipv4' ? [32, '224.0.0.0/4'] : [128, 'ff00::/8']
  return [
    {
      table: 'nat',
      chain: 'FAIRLEAD-MASQ',
      // Near nodes have routes back to pods, so pods show them their own address: NAT is for what leaves the cluster, and
      // for nodes behind a router, which knows nothing of pods.
      rules: [
        ...nearNodes
          .filter(({ address }) => familyOf(address) === family)
          .map(({ address, owner }) => ({ text: `-d ${address}/${bits} -j RETURN`, owner })),
        { text: `-d ${multicast} -j RETURN`, owner },
        { text: '-j MASQUERADE --random-fully', owner },
      ],
      from: 'POSTROUTING',
      jump: `-s ${range} ! -d ${clusterCidr} -m comment --comment "fairlead: pods to outside the cluster" -j FAIRLEAD-MASQ`,
    },
    {
      table: 'filter',
      chain: 'FAIRLEAD-FORWARD',
      rules: [`-s ${clusterCidr} -j ACCEPT`, `-d ${clusterCidr} -j ACCEPT`].map((text) => ({ text, owner })),
      // Last, so that a user's own DROP still counts; needed where the policy is DROP, as Docker sets it.
      from: 'FORWARD',
      jump: '-m comment --comment "fairlead: pod traffic" -j FAIRLEAD-FORWARD',
    },
  ]
}

/** What must change so that the kernel holds these rules. */
export async function compareRules(wish: RulesWish): Promise<Repair[]> {
  const repairs: Repair[] = []
  for (const plan of planRules(wish))
    repairs.push(...diffChain(plan, parseTable(await saveTable(plan.table, { family: wish.family })), wish))
  return repairs
}

/** Both chains of a family and the ways to them, when the node has no range of it any more; none where kernel or programs lack it. */
export async function compareNoRules(family: Family, owner: string): Promise<Repair[]> {
  if (family === 'ipv6' && !hasIpv6()) return []
  const repairs: Repair[] = []
  for (const [table, chain, from] of [
    ['nat', 'FAIRLEAD-MASQ', 'POSTROUTING'],
    ['filter', 'FAIRLEAD-FORWARD', 'FORWARD'],
  ] as const) {
    const actual = parseTable(await saveTable(table, { family }).catch(ifNoProgram('')))
    if (!actual.has(chain)) continue
    const jumps = (actual.get(from) ?? []).filter((rule) => rule.endsWith(`-j ${chain}`))
    const lines = [`:${chain} - [0:0]`, ...jumps.map((rule) => `-D ${from} ${rule}`), `-X ${chain}`]
    repairs.push({
      differences: [{ kind: 'chain', name: chain, state: 'extra', owner }],
      rules: { family, text: `*${table}\n${lines.join('\n')}\nCOMMIT\n` },
    })
  }
  return repairs
}

/** Pure. */
export function diffChain(
  plan: ChainPlan,
  actual: ReadonlyMap<string, string[]>,
  { family, owner }: Pick<RulesWish, 'family' | 'owner'>,
): Repair[] {
  const { table, chain, rules, from, jump } = plan
  const present = actual.get(chain)
  const jumps = (actual.get(from) ?? []).filter((rule) => rule.endsWith(`-j ${chain}`))
  const stale = jumps.filter((rule) => rule !== jump)
  const isSame = present?.join('\n') === rules.map(({ text }) => text).join('\n')
  const lines = [
    ...(isSame ? [] : [`:${chain} - [0:0]`, ...rules.map(({ text }) => `-A ${chain} ${text}`)]),
    ...stale.map((rule) => `-D ${from} ${rule}`),
    ...(jumps.includes(jump) ? [] : [`-A ${from} ${jump}`]),
  ]
  if (lines.length === 0) return []
  const rule = (of: string, text: string, state: Difference['state'], whose: string): Difference => ({
    kind: 'rule',
    name: `-A ${of} ${text}`,
    state,
    owner: whose,
  })
  const differences = [
    ...(present === undefined ? [{ kind: 'chain', name: chain, state: 'missing', owner } as const] : []),
    ...rules
      .filter(({ text }) => !present?.includes(text))
      .map(({ text, owner }) => rule(chain, text, 'missing', owner)),
    ...(present ?? [])
      .filter((text) => !rules.some((each) => each.text === text))
      .map((text) => rule(chain, text, 'extra', owner)),
    ...stale.map((text) => rule(from, text, 'extra', owner)),
    ...(jumps.includes(jump) ? [] : [rule(from, jump, 'missing', owner)]),
  ]
  const order: Difference = {
    kind: 'chain',
    name: chain,
    state: 'different',
    owner,
    detail: 'rules are in another order',
  }
  return [
    {
      differences: differences.length > 0 ? differences : [order],
      rules: { family, text: `*${table}\n${lines.join('\n')}\nCOMMIT\n` },
    },
  ]
}
