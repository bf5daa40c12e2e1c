// The iptables rules that do not depend on any Service: the same on every node, in both families. Pure.

import type { Family } from '../table.ts'

export type TableName = 'nat' | 'filter'

export const tables: readonly TableName[] = ['nat', 'filter']

/** Rules by table and chain; each rule as after "-A CHAIN ". */
export type RuleSet = Record<TableName, Map<string, string[]>>

/** Always with a character (/ or a space) for which iptables-save quotes. */
const comment = (text: string) => `-m comment --comment "${text}"`

/** Chains without any rule of a Service, apart from the jumps to them. */
export const baseChains: RuleSet = {
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

/** Chains that every Service adds rules to, with the rules that must stay last there. */
export function sharedChains(family: Family, serviceCidrs: readonly string[]): RuleSet {
  const rejectWith = `REJECT --reject-with ${family === 'ipv6' ? 'icmp6' : 'icmp'}-port-unreachable`
  return {
    nat: new Map([
      [
        'KUBE-SERVICES',
        [
          `${comment('kubernetes service nodeports; NOTE: this must be the last rule in this chain')} -m addrtype --dst-type LOCAL -j KUBE-NODEPORTS`,
        ],
      ],
      ['KUBE-NODEPORTS', []],
    ]),
    filter: new Map([
      [
        'KUBE-SERVICES',
        // What was for a port of a Service has its endpoint's address by now: a Service address is no host.
        serviceCidrs.map((range) => `-d ${range} ${comment('no Service has this address and port')} -j ${rejectWith}`),
      ],
      ['KUBE-EXTERNAL-SERVICES', []],
      ['KUBE-PROXY-FIREWALL', []],
    ]),
  }
}

const fresh = '-m conntrack --ctstate NEW'
const firewall = `${fresh} ${comment('kubernetes load balancer firewall')} -j KUBE-PROXY-FIREWALL`
const portals = `${comment('kubernetes service portals')} -j KUBE-SERVICES`
const visible = `${fresh} ${comment('kubernetes externally-visible service portals')} -j KUBE-EXTERNAL-SERVICES`

/** Jumps from the kernel's own chains, put first there. */
export const jumps: Record<TableName, readonly (readonly [chain: string, rule: string])[]> = {
  nat: [
    ['PREROUTING', portals],
    ['OUTPUT', portals],
    ['POSTROUTING', `${comment('kubernetes postrouting rules')} -j KUBE-POSTROUTING`],
  ],
  filter: [
    ['INPUT', firewall],
    ['OUTPUT', firewall],
    ['FORWARD', firewall],
    ['INPUT', visible],
    ['FORWARD', `${fresh} ${portals}`],
    ['FORWARD', visible],
    ['FORWARD', `${comment('kubernetes forwarding rules')} -j KUBE-FORWARD`],
    ['OUTPUT', `${fresh} ${portals}`],
  ],
}
