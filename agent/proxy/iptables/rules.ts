// The iptables rules of one Service port, and those that every node has. Pure text, in the very form in which
// iptables-save prints it, so that what the kernel holds can be compared with what is wanted, letter by letter.

import { allEndpoints, type Endpoint, externalEndpoints, internalEndpoints, type ServicePort } from '../table.ts'
import { chainNames, endpointChain } from './names.ts'

export type TableName = 'nat' | 'filter'

/** Rules by table and chain; each rule as after "-A CHAIN ". */
export type RuleSet = Record<TableName, Map<string, string[]>>

/** What one Service port adds. */
export interface PortRules {
  /** Chains of its own, in nat. */
  chains: Map<string, string[]>
  /** Rules in chains shared by all: [table, chain, rule]. Their order among Services does not matter. */
  shared: [TableName, string, string][]
}

const masquerade = '-j KUBE-MARK-MASQ'

/** All rules of one Service port on this node. */
export function planPort(port: ServicePort, clusterCidr: string): PortRules {
  const rules: PortRules = { chains: new Map(), shared: [] }
  const names = chainNames(port)
  planInternal(rules, port, names.service, clusterCidr)
  planExternal(rules, port, names, clusterCidr)
  for (const endpoint of allEndpoints(port))
    rules.chains.set(endpointChain(port, endpoint), planEndpoint(port, endpoint))
  return rules
}

function planInternal(rules: PortRules, port: ServicePort, chain: string, clusterCidr: string): void {
  const { clusterIp } = port
  const endpoints = internalEndpoints(port)
  const match = `-d ${clusterIp}/32 -p ${port.protocol}`
  if (endpoints.length === 0) {
    rules.shared.push([
      'filter',
      'KUBE-SERVICES',
      `${match} ${comment(`${port.id} has no endpoints`)} -m ${port.protocol} --dport ${port.port} ${reject}`,
    ])
    return
  }
  rules.shared.push([
    'nat',
    'KUBE-SERVICES',
    `${match} ${comment(`${port.id} cluster IP`)} -m ${port.protocol} --dport ${port.port} -j ${chain}`,
  ])
  // From outside the pod range (a node, the outside by a route) replies must come back through this node.
  const fromOutside = `! -s ${clusterCidr} ${match} ${comment(`${port.id} cluster IP`)} -m ${port.protocol} --dport ${port.port} ${masquerade}`
  rules.chains.set(chain, [fromOutside, ...planSpread(port, endpoints)])
}

function planExternal(
  rules: PortRules,
  port: ServicePort,
  names: ReturnType<typeof chainNames>,
  clusterCidr: string,
): void {
  const doors = externalDoors(port)
  if (doors.length === 0) return
  if (allEndpoints(port).length === 0) {
    for (const { filterChain, match, what } of doors)
      rules.shared.push([
        'filter',
        filterChain,
        `${match(comment(`${port.id} has no endpoints for ${what}`))} ${reject}`,
      ])
    return
  }
  for (const { natChain, match, what } of doors)
    rules.shared.push(['nat', natChain, `${match(comment(`${port.id} ${what}`))} -j ${names.external}`])
  rules.chains.set(
    names.external,
    port.externalPolicy === 'Cluster'
      ? [`${comment(`masquerade traffic for ${port.id} external destinations`)} ${masquerade}`, `-j ${names.service}`]
      : planExternalLocal(port, names, clusterCidr),
  )
  if (port.externalPolicy === 'Local' && port.local.length > 0)
    rules.chains.set(names.local, planSpread(port, externalEndpoints(port)))
}

/** Pods and this node itself reach every endpoint, as inside the cluster; others only those here, with their own address kept. */
function planExternalLocal(port: ServicePort, names: ReturnType<typeof chainNames>, clusterCidr: string): string[] {
  const toAll =
    port.cluster.length === 0
      ? []
      : [
          `-s ${clusterCidr} ${comment(`pod traffic for ${port.id} external destinations`)} -j ${names.service}`,
          `${comment(`masquerade LOCAL traffic for ${port.id} external destinations`)} -m addrtype --src-type LOCAL ${masquerade}`,
          `${comment(`route LOCAL traffic for ${port.id} external destinations`)} -m addrtype --src-type LOCAL -j ${names.service}`,
        ]
  return [...toAll, ...(port.local.length > 0 ? [`-j ${names.local}`] : [])]
}

interface Door {
  natChain: string
  filterChain: string
  what: string
  match(comment: string): string
}

/** Where traffic from outside comes in: the node port and the external addresses. */
function externalDoors({ nodePort, externalIps, loadBalancerIps, port, protocol }: ServicePort): Door[] {
  const addresses = [...externalIps, ...loadBalancerIps].map(
    (ip): Door => ({
      natChain: 'KUBE-SERVICES',
      filterChain: 'KUBE-EXTERNAL-SERVICES',
      what: 'external IP',
      match: (text) => `-d ${ip}/32 -p ${protocol} ${text} -m ${protocol} --dport ${port}`,
    }),
  )
  if (nodePort === undefined) return addresses
  return [
    ...addresses,
    {
      natChain: 'KUBE-NODEPORTS',
      filterChain: 'KUBE-EXTERNAL-SERVICES',
      what: 'node port',
      match: (text) => `-p ${protocol} ${text} -m addrtype --dst-type LOCAL -m ${protocol} --dport ${nodePort}`,
    },
  ]
}

/** Jumps that spread connections evenly; with affinity, known clients are sent where they were first. */
function planSpread(port: ServicePort, endpoints: Endpoint[]): string[] {
  const remembered =
    port.affinitySeconds === undefined
      ? []
      : endpoints.map((endpoint) => {
          const chain = endpointChain(port, endpoint)
          return `${toComment(port, endpoint)} -m recent --rcheck --seconds ${port.affinitySeconds} --reap --name ${chain} --mask 255.255.255.255 --rsource -j ${chain}`
        })
  const chosen = endpoints.map((endpoint, index) => {
    const left = endpoints.length - index
    const chance = left === 1 ? '' : ` -m statistic --mode random --probability ${toProbability(1 / left)}`
    return `${toComment(port, endpoint)}${chance} -j ${endpointChain(port, endpoint)}`
  })
  return [...remembered, ...chosen]
}

function planEndpoint(port: ServicePort, endpoint: Endpoint): string[] {
  const { ip, port: targetPort } = endpoint
  const chain = endpointChain(port, endpoint)
  const remember =
    port.affinitySeconds === undefined ? '' : ` -m recent --set --name ${chain} --mask 255.255.255.255 --rsource`
  return [
    // A pod that reaches itself through the Service would drop a reply from its own address.
    `-s ${ip}/32 ${comment(port.id)} ${masquerade}`,
    `-p ${port.protocol} ${comment(port.id)}${remember} -j DNAT --to-destination ${ip}:${targetPort}`,
  ]
}

/** Always with a character (/ or a space) for which iptables-save quotes. */
const comment = (text: string) => `-m comment --comment "${text}"`
const toComment = (port: ServicePort, { ip, port: targetPort }: Endpoint) =>
  comment(`${port.id} -> ${ip}:${targetPort}`)
const reject = '-j REJECT --reject-with icmp-port-unreachable'

/** The kernel keeps probabilities as 31-bit fractions, and iptables-save prints what it kept. */
function toProbability(chance: number): string {
  return (Math.round(chance * 2 ** 31) / 2 ** 31).toFixed(11)
}

/** Rules that do not depend on any Service, apart from the jumps in `jumps`. */
export function planBase(): RuleSet {
  return {
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
}

/** Chains that every Service adds rules to. A rule that must stay last in its chain. */
export const sharedChains: Record<TableName, Record<string, string[]>> = {
  nat: {
    'KUBE-SERVICES': [
      `${comment('kubernetes service nodeports; NOTE: this must be the last rule in this chain')} -m addrtype --dst-type LOCAL -j KUBE-NODEPORTS`,
    ],
    'KUBE-NODEPORTS': [],
  },
  filter: { 'KUBE-SERVICES': [], 'KUBE-EXTERNAL-SERVICES': [] },
}

/** Jumps from the kernel's own chains, put first there. */
export const jumps: Record<TableName, [chain: string, rule: string][]> = {
  nat: [
    ['PREROUTING', `${comment('kubernetes service portals')} -j KUBE-SERVICES`],
    ['OUTPUT', `${comment('kubernetes service portals')} -j KUBE-SERVICES`],
    ['POSTROUTING', `${comment('kubernetes postrouting rules')} -j KUBE-POSTROUTING`],
  ],
  filter: [
    [
      'INPUT',
      `-m conntrack --ctstate NEW ${comment('kubernetes externally-visible service portals')} -j KUBE-EXTERNAL-SERVICES`,
    ],
    ['FORWARD', `-m conntrack --ctstate NEW ${comment('kubernetes service portals')} -j KUBE-SERVICES`],
    [
      'FORWARD',
      `-m conntrack --ctstate NEW ${comment('kubernetes externally-visible service portals')} -j KUBE-EXTERNAL-SERVICES`,
    ],
    ['FORWARD', `${comment('kubernetes forwarding rules')} -j KUBE-FORWARD`],
    ['OUTPUT', `-m conntrack --ctstate NEW ${comment('kubernetes service portals')} -j KUBE-SERVICES`],
  ],
}
