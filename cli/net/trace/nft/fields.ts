// What nftables' expressions read: headers, metadata, connection tracking, routes. Each function throws CannotEvaluate for a
// field that is not known here.

import type { TraceProtocol } from '../../../../api/net/trace.ts'
import { isDestinationTranslated, isSourceTranslated } from '../connections.ts'
import type { RuleContext } from '../rules.ts'
import { addressType, flagsOf } from '../tests.ts'
import type { Json, JsonObject } from './model.ts'
import { CannotEvaluate, other, type Value } from './value.ts'

export function readPayload({ protocol, field }: JsonObject, context: RuleContext): Value | typeof other {
  const { packet } = context
  const isIpv4 = packet.family === 'ipv4'
  const header = String(protocol)
  if (header === 'ip' || header === 'ip6') {
    if ((header === 'ip') !== isIpv4) return other
    if (field === 'saddr') return packet.source
    if (field === 'daddr') return packet.destination
    if (field === 'protocol' || field === 'nexthdr') return packet.protocol
    if (field === 'length') return packet.bytes
  }
  const transports: Record<string, TraceProtocol> = { tcp: 'tcp', udp: 'udp', icmp: 'icmp', icmpv6: 'icmp' }
  if (header !== 'th' && transports[header] !== undefined && transports[header] !== packet.protocol) return other
  if ((header === 'icmp' && !isIpv4) || (header === 'icmpv6' && isIpv4)) return other
  if (field === 'sport') return packet.sourcePort
  if (field === 'dport') return packet.port
  if (header === 'tcp' && field === 'flags') return [...flagsOf(context)].map((flag) => flag.toLowerCase())
  if (field === 'type') return packet.isAnswer === true ? 'echo-reply' : 'echo-request'
  throw new CannotEvaluate(`${protocol} ${field}`)
}

export function readMeta(key: string, { packet, iif, oif }: RuleContext): Value {
  switch (key) {
    case 'iifname':
    case 'iif':
      return iif
    case 'oifname':
    case 'oif':
      return oif
    case 'l4proto':
      return packet.protocol
    case 'nfproto':
    case 'protocol':
      return packet.family
    case 'mark':
      return packet.mark
    case 'priority': {
      // nft prints it as "major:minor", in hexadecimal.
      const { priority = 0 } = packet
      return `${(priority >>> 16).toString(16)}:${(priority & 0xffff).toString(16)}`
    }
    case 'length':
      return packet.bytes
    case 'pkttype':
      return 'host'
    default:
      throw new CannotEvaluate(`meta ${key}`)
  }
}

export function readTracked(key: string, direction: Json | undefined, { packet }: RuleContext): Value {
  const { tracked } = packet
  const connection = tracked?.connection
  const tuple = (direction === 'reply' ? connection?.reply : connection?.original) ?? packet
  switch (key.replace(/^ip6? /, '')) {
    case 'state':
      return (tracked?.state ?? 'INVALID').toLowerCase()
    case 'direction':
      return tracked?.direction ?? 'original'
    case 'status':
      return statusOf(packet)
    case 'mark':
      return 0
    case 'saddr':
      return tuple.source
    case 'daddr':
      return tuple.destination
    case 'proto-dst':
      return tuple.port
    case 'proto-src':
      return tuple.sourcePort
    case 'protocol':
    case 'l4proto':
      return packet.protocol
    default:
      throw new CannotEvaluate(`ct ${key}`)
  }
}

function statusOf({ tracked }: RuleContext['packet']): string[] {
  if (tracked?.connection === undefined) return []
  return [
    ...(isDestinationTranslated(tracked.connection) ? ['dnat'] : []),
    ...(isSourceTranslated(tracked.connection) ? ['snat'] : []),
    ...(tracked.direction === 'reply' ? ['seen-reply'] : []),
    'confirmed',
  ]
}

export function readFib({ result, flags }: JsonObject, context: RuleContext): Value {
  const about = [flags].flat()
  const { packet, namespace } = context
  const address = about.includes('saddr') ? packet.source : packet.destination
  if (result === 'type') return addressType(context, address).toLowerCase()
  const { device, type } = namespace.route({ family: packet.family, destination: address, mark: 0 })
  const isFound = type !== 'none' && (!about.includes('iif') || device === context.iif)
  return isFound ? device : 0
}
