// Questions about a packet that both dialects ask.

import ipaddr from 'ipaddr.js'
import type { RuleContext } from './rules.ts'

/** The kind of an address as the namespace's routes tell it: LOCAL, BROADCAST, MULTICAST, UNICAST, UNREACHABLE. */
export function addressType({ namespace, packet }: RuleContext, address: string): string {
  if (namespace.isLocal(address) || isLoopback(address)) return 'LOCAL'
  const { type } = namespace.route({ family: packet.family, destination: address, mark: 0 })
  if (type === 'none') return 'UNREACHABLE'
  return type.toUpperCase()
}

export function isLoopback(address: string): boolean {
  return ipaddr.isValid(address) && ipaddr.parse(address).range() === 'loopback'
}

/** TCP flags of the traced packet: SYN, or SYN and ACK for the answer. */
export function flagsOf({ packet }: RuleContext): Set<string> {
  if (packet.protocol !== 'tcp') return new Set()
  return new Set(packet.isAnswer === true ? ['SYN', 'ACK'] : ['SYN'])
}

/** iptables' --tcp-flags MASK WANTED. */
export function hasFlags(context: RuleContext, mask: string, wanted: string): boolean {
  if (context.packet.protocol !== 'tcp') return false
  const set = flagsOf(context)
  const names = mask === 'ALL' ? ['SYN', 'ACK', 'FIN', 'RST', 'URG', 'PSH'] : mask.split(',')
  const on = new Set(wanted.split(','))
  return names.every((name) => set.has(name) === on.has(name))
}
