// Which entries of connection tracking a change of the table makes stale: decided here, without I/O.
//
// UDP has no end of a connection: a client that keeps sending keeps its entry, and with it an endpoint that is gone, or the
// node's own silence from before there was one. Its entries go as soon as their endpoint should get nothing new. TCP clients
// keep an endpoint while it is there at all; when it is gone without a word, as with its node, the next packet of a client
// finds another endpoint, which resets the connection, and nobody waits for timeouts.

import type { Family } from '../../api/objects/addresses.ts'
import { allEndpoints, type Endpoint, type Protocol, type ServicePort } from './table.ts'

type Target = Pick<Endpoint, 'ip' | 'port'>

/** One entry: whom the client asked, and who answers. They are the same where nothing was translated. */
export interface Flow {
  family: Family
  protocol: Protocol
  asked: Target
  answering: Target
}

/** What a node's own addresses and its mode add to the table. */
export interface CleanerView {
  /** Where the kernel sends what is for this port, beside its endpoints. */
  targetsOf(port: ServicePort): readonly Target[]
  isLocal(ip: string): boolean
}

/** One port of a Service before and after a change; undefined: it was not there, or is no more. */
interface PortChange {
  old: ServicePort | undefined
  now: ServicePort | undefined
}

const keyOf = ({ ip, port }: Target) => `${ip} ${port}`
const toKeys = (targets: readonly Target[]) => new Set(targets.map(keyOf))

/** A line of `conntrack -L`; undefined for other protocols. */
export function parseFlow(line: string): Flow | undefined {
  const found = /^(tcp|udp|sctp) .*?dst=(\S+) .*?dport=(\d+) .*?src=(\S+) .*?sport=(\d+) /.exec(line)
  if (found === null) return undefined
  const [, protocol, askedIp = '', askedPort, answeringIp = '', answeringPort] = found
  return {
    family: askedIp.includes(':') ? 'ipv6' : 'ipv4',
    protocol: protocol === 'tcp' ? 'tcp' : protocol === 'udp' ? 'udp' : 'sctp',
    asked: { ip: askedIp, port: Number(askedPort) },
    answering: { ip: answeringIp, port: Number(answeringPort) },
  }
}

/** Ports whose change may have made entries stale. Most changes, such as an endpoint that joins others, have none. */
export function findSuspects(old: readonly ServicePort[], now: readonly ServicePort[]): PortChange[] {
  const idOf = ({ id, family, protocol }: ServicePort) => `${id} ${family} ${protocol}`
  const [before, after] = [old, now].map((ports) => new Map(ports.map((port) => [idOf(port), port])))
  return [...new Set([...old, ...now].map(idOf))]
    .map((id) => ({ old: before?.get(id), now: after?.get(id) }))
    .filter(isSuspect)
}

function isSuspect({ old, now }: PortChange): boolean {
  const kept = toKeys(now === undefined ? [] : keepers(now))
  const isSomeGone = old !== undefined && keepers(old).some((target) => !kept.has(keyOf(target)))
  return isSomeGone || (!isServed(old) && isServed(now))
}

const isServed = (port: ServicePort | undefined) => port !== undefined && allEndpoints(port).length > 0

/** Who may go on with connections that it has. */
function keepers(port: ServicePort): readonly Endpoint[] {
  return port.protocol === 'tcp' ? [...allEndpoints(port), ...(port.draining ?? [])] : allEndpoints(port)
}

/** Those of the flows that are stale after these changes. */
export function findStale(flows: readonly Flow[], changes: readonly PortChange[], view: CleanerView): Flow[] {
  const doors = new Map(changes.flatMap((change) => doorsOf(change).map((door) => [door, change] as const)))
  return flows.filter((flow) => {
    const { family, protocol, asked, answering } = flow
    const change =
      doors.get(`${family} ${protocol} ${keyOf(asked)}`) ??
      (view.isLocal(asked.ip) ? doors.get(`${family} ${protocol} ${keyOf({ ...asked, ip: '*' })}`) : undefined)
    if (change === undefined) return false
    // Not translated: from before anybody served it.
    if (keyOf(asked) === keyOf(answering)) return protocol !== 'tcp' && isServed(change.now)
    const { now } = change
    return now === undefined || !toKeys([...keepers(now), ...view.targetsOf(now)]).has(keyOf(answering))
  })
}

/** By what the port can be asked, now or before. */
function doorsOf({ old, now }: PortChange): string[] {
  return [old, now].flatMap((port) => {
    if (port === undefined) return []
    const { family, protocol, clusterIp, externalIps, loadBalancerIps, nodePort } = port
    const targets = [clusterIp, ...externalIps, ...loadBalancerIps].map((ip) => ({ ip, port: port.port }))
    const all = nodePort === undefined ? targets : [...targets, { ip: '*', port: nodePort }]
    return all.map((target) => `${family} ${protocol} ${keyOf(target)}`)
  })
}
