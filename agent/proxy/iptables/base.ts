// The iptables rules that do not depend on any Service: chains that all Services share, and the jumps to them.

import type { Family } from '../../../api/objects/addresses.ts'
import type { Way } from './way.ts'
import { comment, words } from './words.ts'

export type TableName = 'nat' | 'filter'
export const tables: readonly TableName[] = ['nat', 'filter']

/** Rules by table and chain; each rule as after "-A CHAIN ". */
export type RuleSet = Record<TableName, Map<string, string[]>>

/** Chains that are the same on every node. */
export const fixedChains: RuleSet = {
  nat: new Map([
    ['KUBE-MARK-MASQ', ['-j MARK --set-xmark 0x4000/0x4000']],
    [
      'KUBE-POSTROUTING',
      [
        '-m mark ! --mark 0x4000/0x4000 -j RETURN',
        // The mark goes before the packet does, so that it is not met again behind a tunnel.
        '-j MARK --set-xmark 0x4000/0x0',
        `${comment('kubernetes service traffic requiring SNAT')} -j MASQUERADE --random-fully`,
      ],
    ],
  ]),
  filter: new Map([
    [
      'KUBE-FORWARD',
      [
        // An invalid packet would pass un-NATed and make the client reset its connection.
        '-m conntrack --ctstate INVALID -j DROP',
        `${comment('kubernetes forwarding rules')} -m mark --mark 0x4000/0x4000 -j ACCEPT`,
        `${comment('kubernetes forwarding conntrack rule')} -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT`,
      ],
    ],
  ]),
}

/** Chains that every Service adds rules to, each with those rules that must stay last in it. */
export function planSharedChains(family: Family, way: Pick<Way, 'serviceCidr' | 'refusals'>): RuleSet {
  const { loopback, reject } = words[family]
  return {
    nat: new Map([
      [
        'KUBE-SERVICES',
        [
          // Not by loopback: its addresses must not leave the node.
          `! -d ${loopback} ${comment('kubernetes service nodeports; NOTE: this must be the last rule in this chain')} -m addrtype --dst-type LOCAL -j KUBE-NODEPORTS`,
        ],
      ],
      ['KUBE-NODEPORTS', []],
    ]),
    filter: new Map([
      [
        'KUBE-SERVICES',
        // What was for a port of a Service has its endpoint's address by now.
        way.serviceCidr === undefined
          ? []
          : [`-d ${way.serviceCidr} ${comment('no Service has this address and port')} ${reject}`],
      ],
      ['KUBE-EXTERNAL-SERVICES', [...(way.refusals ?? [])]],
      ['KUBE-PROXY-FIREWALL', []],
    ]),
  }
}

const [isNew, portals, external, firewall] = [
  '-m conntrack --ctstate NEW',
  comment('kubernetes service portals'),
  comment('kubernetes externally-visible service portals'),
  comment('kubernetes load balancer firewall'),
]

/** Jumps from the kernel's own chains, put first there. */
export const jumps: Record<TableName, readonly (readonly [chain: string, rule: string])[]> = {
  nat: [
    ['PREROUTING', `${portals} -j KUBE-SERVICES`],
    ['OUTPUT', `${portals} -j KUBE-SERVICES`],
    ['POSTROUTING', `${comment('kubernetes postrouting rules')} -j KUBE-POSTROUTING`],
  ],
  filter: [
    ['INPUT', `${isNew} ${firewall} -j KUBE-PROXY-FIREWALL`],
    ['INPUT', `${isNew} ${external} -j KUBE-EXTERNAL-SERVICES`],
    ['FORWARD', `${isNew} ${firewall} -j KUBE-PROXY-FIREWALL`],
    ['FORWARD', `${isNew} ${portals} -j KUBE-SERVICES`],
    ['FORWARD', `${isNew} ${external} -j KUBE-EXTERNAL-SERVICES`],
    ['FORWARD', `${comment('kubernetes forwarding rules')} -j KUBE-FORWARD`],
    ['OUTPUT', `${isNew} ${firewall} -j KUBE-PROXY-FIREWALL`],
    ['OUTPUT', `${isNew} ${portals} -j KUBE-SERVICES`],
    ['OUTPUT', `${isNew} ${external} -j KUBE-EXTERNAL-SERVICES`],
  ],
}

/** Names of all chains that do not belong to one Service. */
export function baseChainNames(table: TableName): Set<string> {
  return new Set([...fixedChains[table].keys(), ...planSharedChains('ipv4', {})[table].keys()])
}
