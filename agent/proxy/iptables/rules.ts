// The rules of one Service port. Pure text, in the very form in which iptables-save prints it, so that what the kernel holds
// can be compared with what is wanted, letter by letter.

import { allEndpoints, type ServicePort } from '../table.ts'
import type { TableName } from './base.ts'
import { type ChainNames, chainNames } from './names.ts'
import type { Scope, Way } from './way.ts'
import { comment, markMasquerade, toHostRange, words } from './words.ts'

/** What one Service port adds. */
export interface PortRules {
  /** Chains of its own, in nat. */
  chains: Map<string, string[]>
  /** Rules in chains shared by all: [table, chain, rule]. Their order among Services does not matter. */
  shared: [TableName, string, string][]
}

/** All rules of one Service port on this node. */
export function planPort(port: ServicePort, way: Way): PortRules {
  const rules: PortRules = { chains: new Map(), shared: [] }
  const names = chainNames(port)
  const internal = internalScope(port)
  const doors = externalDoors(port)
  planInternal(rules, port, names[internal])
  for (const door of doors) planDoor(rules, port, door, names)
  if (doors.length > 0 && isServed(port)) rules.chains.set(names.external, planExternal(port, names, way))
  if (port.sourceRanges.length > 0 && port.loadBalancerIps.length > 0 && isServed(port))
    rules.chains.set(names.firewall, planFirewall(port, names))
  for (const scope of ['cluster', 'local'] as const)
    if (port[scope].length > 0 && (scope === internal || (doors.length > 0 && isUsedOutside(port, scope))))
      planScope(rules, port, scope, way)
  return rules
}

const isServed = (port: ServicePort) => allEndpoints(port).length > 0
const internalScope = ({ internalPolicy }: ServicePort): Scope => (internalPolicy === 'Local' ? 'local' : 'cluster')
/** Pods and the node itself reach all endpoints from outside too. */
const isUsedOutside = ({ externalPolicy }: ServicePort, scope: Scope) =>
  scope === 'cluster' || externalPolicy === 'Local'

const matchAddress = (ip: string, { protocol, port }: ServicePort, text: string) =>
  `-d ${toHostRange(ip)} -p ${protocol} ${comment(text)} -m ${protocol} --dport ${port}`

function planInternal({ shared }: PortRules, port: ServicePort, chain: string): void {
  const match = (text: string) => matchAddress(port.clusterIp, port, `${port.id} ${text}`)
  if (port[internalScope(port)].length > 0) shared.push(['nat', 'KUBE-SERVICES', `${match('cluster IP')} -j ${chain}`])
  else shared.push(['filter', 'KUBE-SERVICES', planRefusal(port, match)])
}

/** Nobody serves the port: say so. Somebody does, but not here, where the policy wants it: say nothing, as others may be asked. */
function planRefusal(port: ServicePort, match: (text: string) => string): string {
  return isServed(port)
    ? `${match('has no local endpoints')} -j DROP`
    : `${match('has no endpoints')} ${words[port.family].reject}`
}

/** Where traffic from outside comes in. */
interface Door {
  natChain: string
  /** Its traffic must pass the Service's source ranges. */
  isGuarded: boolean
  match(text: string): string
}

function externalDoors(port: ServicePort): Door[] {
  const { id, externalIps, loadBalancerIps, nodePort, protocol, sourceRanges } = port
  const door = (natChain: string, isGuarded: boolean, match: Door['match']): Door => ({ natChain, isGuarded, match })
  const toDoor = (what: string, isGuarded: boolean) => (ip: string) =>
    door('KUBE-SERVICES', isGuarded, (text) => matchAddress(ip, port, `${id} ${what}${text}`))
  const atNodes = (text: string) =>
    `-p ${protocol} ${comment(`${id} node port${text}`)} -m addrtype --dst-type LOCAL -m ${protocol} --dport ${nodePort}`
  return [
    ...externalIps.map(toDoor('external IP', false)),
    ...loadBalancerIps.map(toDoor('load balancer IP', sourceRanges.length > 0)),
    ...(nodePort === undefined ? [] : [door('KUBE-NODEPORTS', false, atNodes)]),
  ]
}

function planDoor(
  { shared }: PortRules,
  port: ServicePort,
  { natChain, isGuarded, match }: Door,
  names: ChainNames,
): void {
  if (isServed(port)) shared.push(['nat', natChain, `${match('')} -j ${isGuarded ? names.firewall : names.external}`])
  // What the firewall's chain let pass has an endpoint's address by now. Without endpoints nothing has, and all are refused.
  if (isGuarded && isServed(port))
    shared.push(['filter', 'KUBE-PROXY-FIREWALL', `${match(': not from its source ranges')} -j DROP`])
  else if (!isServed(port) || (port.externalPolicy === 'Local' && port.local.length === 0))
    shared.push(['filter', 'KUBE-EXTERNAL-SERVICES', planRefusal(port, (text) => match(` ${text}`))])
}

function planFirewall({ id, sourceRanges }: ServicePort, { external }: ChainNames): string[] {
  return sourceRanges.map((range) => `-s ${range} ${comment(`${id} load balancer IP`)} -j ${external}`)
}

function planExternal(port: ServicePort, names: ChainNames, { clusterCidr, masquerades }: Way): string[] {
  const { id, externalPolicy, cluster, local } = port
  const text = comment(`${id} from outside`)
  if (externalPolicy === 'Cluster')
    return [...(masquerades ? [`${text} ${markMasquerade}`] : []), `-j ${names.cluster}`]
  // Pods and this node itself reach every endpoint, as inside the cluster; others only those here, with their own address kept.
  const isLocal = `${comment(`${id} from this node`)} -m addrtype --src-type LOCAL`
  const toAll = [
    `-s ${clusterCidr} ${comment(`${id} from pods`)} -j ${names.cluster}`,
    ...(masquerades ? [`${isLocal} ${markMasquerade}`] : []),
    `${isLocal} -j ${names.cluster}`,
  ]
  return [...(cluster.length > 0 ? toAll : []), ...(local.length > 0 ? [`-j ${names.local}`] : [])]
}

function planScope({ chains }: PortRules, port: ServicePort, scope: Scope, way: Way): void {
  const { rules, chains: further } = way.send(port, scope, port[scope])
  // From outside the pod range (a node, the outside by a route) replies must come back through this node.
  const fromOutside = `! -s ${way.clusterCidr} ${matchAddress(port.clusterIp, port, `${port.id} cluster IP`)} ${markMasquerade}`
  const isMarked = way.masquerades && scope === internalScope(port)
  chains.set(chainNames(port)[scope], [...(isMarked ? [fromOutside] : []), ...rules])
  for (const [chain, lines] of further) chains.set(chain, lines)
}
