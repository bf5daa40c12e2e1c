// The iptables rules of IPVS mode. They are the same with one Service and with ten thousand: what differs is in the sets.
// IPVS takes packets at LOCAL_IN, behind INPUT of the table filter, and sends them through OUTPUT and POSTROUTING.

import type { Family } from '../../../api/objects/addresses.ts'
import { markMask } from './marks.ts'
import { type SetKind, setName } from './sets.ts'

export type TableName = 'mangle' | 'nat' | 'filter'

/** Rules by table and chain, each as iptables-save prints it after "-A CHAIN ". */
export type BaseRules = Record<TableName, ReadonlyMap<string, readonly string[]>>

const comment = (text: string) => `-m comment --comment "${text}"`
const isNew = '-m conntrack --ctstate NEW'
const markMasquerade = '-j KUBE-MARK-MASQ'

/** All chains of one family. */
export function planBaseRules(family: Family, clusterCidr: string): BaseRules {
  return { mangle: planMangle(family), nat: planNat(family, clusterCidr), filter: planFilter(family) }
}

/** Before IPVS, which takes the node's own packets ahead of the table filter. */
function planMangle(family: Family): ReadonlyMap<string, string[]> {
  const inSet = matcher(family)
  const isMarked = `-m mark ! --mark 0x0/${markMask}`
  const isInternal = inSet('IPVS-INTERNAL', 'dst,dst').replace('--match-set', '! --match-set')
  const isUnmarked = `-m mark --mark 0x0/${markMask}`
  return new Map([
    [
      'KUBE-IPVS-INTERNAL',
      [
        `${comment('externalTrafficPolicy Local: clients inside reach all endpoints')} -j SET --map-set ${setName(family, 'IPVS-INTERNAL')} dst,dst --map-mark`,
      ],
    ],
    [
      // A mark must not outlive its way through IPVS: a tunnel's outer packet would have it too, would be taken for the
      // Service's by its virtual server, put into the tunnel again, and so on until the kernel's stack is full.
      'KUBE-IPVS-UNMARK',
      [
        // The node itself would come with the Service's address, which is local on every node.
        `${isMarked} ${isInternal} -m addrtype --src-type LOCAL ${isNew} -j MARK --set-xmark 0x4000/0x4000`,
        `${isMarked} ${isInternal} -j MARK --set-xmark 0x0/${markMask}`,
      ],
    ],
    [
      'KUBE-IPVS-DROP',
      [`${comment('no endpoint here under the policy Local')} ${isUnmarked} ${inSet('IPVS-DROP', 'dst,dst')} -j DROP`],
    ],
  ])
}

function planNat(family: Family, clusterCidr: string): ReadonlyMap<string, string[]> {
  const inSet = matcher(family)
  return new Map([
    ['KUBE-MARK-MASQ', ['-j MARK --set-xmark 0x4000/0x4000']],
    [
      'KUBE-SERVICES',
      [
        // From outside the pod range (a node, the outside by a route) replies must come back through this node.
        `! -s ${clusterCidr} ${comment('Kubernetes cluster IPs')} ${inSet('CLUSTER-IP', 'dst,dst')} ${markMasquerade}`,
        // Most packets are for these: they need not be looked up in the sets of all other doors.
        `${comment('Kubernetes cluster IPs')} ${inSet('CLUSTER-IP', 'dst,dst')} -j RETURN`,
        `${comment('Kubernetes load balancer addresses')} ${inSet('LOAD-BALANCER', 'dst,dst')} -j KUBE-LOAD-BALANCER`,
        `${comment('Kubernetes external IPs')} ${inSet('EXTERNAL-IP', 'dst,dst')} ${markMasquerade}`,
        `${comment('Kubernetes node ports')} -m addrtype --dst-type LOCAL -j KUBE-NODE-PORT`,
      ],
    ],
    ['KUBE-LOAD-BALANCER', [keepClient(inSet('LOAD-BALANCER-LOCAL', 'dst,dst')), markMasquerade]],
    ['KUBE-NODE-PORT', planNodePorts(inSet)],
    [
      'KUBE-POSTROUTING',
      [
        // A pod that reaches itself through the Service would drop a reply from its own address.
        `${comment('pods that reach themselves through a Service')} ${inSet('LOOP-BACK', 'dst,dst,src')} -j MASQUERADE`,
        '-m mark ! --mark 0x4000/0x4000 -j RETURN',
        // The mark goes before the packet does, so that it is not met again behind a tunnel.
        '-j MARK --set-xmark 0x4000/0x0',
        `${comment('kubernetes service traffic requiring SNAT')} -j MASQUERADE --random-fully`,
      ],
    ],
  ])
}

type Matcher = (kind: SetKind, parts: string) => string

function matcher(family: Family): Matcher {
  return (kind, parts) => `-m set --match-set ${setName(family, kind)} ${parts}`
}

/** Under the policy Local the client's address is kept. */
function keepClient(match: string, protocol = ''): string {
  return `${protocol === '' ? '' : `-p ${protocol} `}${comment('externalTrafficPolicy Local')} ${match} -j RETURN`
}

function planNodePorts(inSet: Matcher): string[] {
  const sets = [
    ['tcp', 'NODE-PORT-LOCAL-TCP', 'NODE-PORT-TCP', 'dst'],
    ['udp', 'NODE-PORT-LOCAL-UDP', 'NODE-PORT-UDP', 'dst'],
    ['sctp', 'NODE-PORT-LOCAL-SCTP-HASH', 'NODE-PORT-SCTP-HASH', 'dst,dst'],
  ] as const
  return sets.flatMap(([protocol, local, all, parts]) => [
    keepClient(inSet(local, parts), protocol),
    `-p ${protocol} ${comment(`Kubernetes node ports, ${protocol}`)} ${inSet(all, parts)} ${markMasquerade}`,
  ])
}

function planFilter(family: Family): ReadonlyMap<string, string[]> {
  const inSet = matcher(family)
  const isOpen = (kind: SetKind) => `${inSet(kind, 'dst,dst')} -j RETURN`
  const reject = `-j REJECT --reject-with ${family === 'ipv6' ? 'icmp6-port-unreachable' : 'icmp-port-unreachable'}`
  return new Map([
    [
      'KUBE-IPVS-FILTER',
      [
        isOpen('CLUSTER-IP'),
        `${comment('by loadBalancerSourceRanges')} -j KUBE-PROXY-FIREWALL`,
        ...(['LOAD-BALANCER', 'EXTERNAL-IP', 'EXTERNAL-IP-LOCAL'] as const).map(isOpen),
        // These addresses are local ones here: without this rule the node's own servers and ping would answer there.
        `${comment('nothing but the Services answers on their addresses')} ${inSet('IPVS-IPS', 'dst')} ${reject}`,
      ],
    ],
    ['KUBE-PROXY-FIREWALL', [`${inSet('LOAD-BALANCER-FW', 'dst,dst')} -j KUBE-SOURCE-RANGES-FIREWALL`]],
    [
      'KUBE-SOURCE-RANGES-FIREWALL',
      [
        `${comment('from a range of loadBalancerSourceRanges')} ${inSet('LOAD-BALANCER-SOURCE-CIDR', 'dst,dst,src')} -j RETURN`,
        `${comment('from no range of loadBalancerSourceRanges')} -j DROP`,
      ],
    ],
    [
      'KUBE-FORWARD',
      [
        `${comment('kubernetes forwarding rules')} -m mark --mark 0x4000/0x4000 -j ACCEPT`,
        `${comment('kubernetes forwarding conntrack rule')} -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT`,
      ],
    ],
  ])
}

/** Jumps from the kernel's own chains, put first there in this order. */
export function planJumps(clusterCidr: string): Record<TableName, readonly (readonly [chain: string, rule: string])[]> {
  return {
    mangle: [
      // New connections alone: those that are known IPVS finds without their mark.
      ['PREROUTING', `-s ${clusterCidr} ${isNew} ${comment('pods of the cluster')} -j KUBE-IPVS-INTERNAL`],
      ['PREROUTING', `${isNew} ${comment('kubernetes ipvs policies')} -j KUBE-IPVS-DROP`],
      ['OUTPUT', `${comment('packets that IPVS sends, and tunnels')} -j KUBE-IPVS-UNMARK`],
      ['OUTPUT', `${isNew} ${comment('the node itself')} -j KUBE-IPVS-INTERNAL`],
      ['OUTPUT', `${isNew} ${comment('kubernetes ipvs policies')} -j KUBE-IPVS-DROP`],
    ],
    nat: [
      ['PREROUTING', `${comment('kubernetes service portals')} -j KUBE-SERVICES`],
      ['OUTPUT', `${comment('kubernetes service portals')} -j KUBE-SERVICES`],
      ['POSTROUTING', `${comment('kubernetes postrouting rules')} -j KUBE-POSTROUTING`],
    ],
    filter: [
      ['INPUT', `${isNew} ${comment('kubernetes ipvs access filter')} -j KUBE-IPVS-FILTER`],
      ['FORWARD', `${comment('kubernetes forwarding rules')} -j KUBE-FORWARD`],
    ],
  }
}
