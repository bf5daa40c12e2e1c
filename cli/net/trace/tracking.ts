// What connection tracking does with a packet at a hook: finds or begins its connection, and repeats the translation that the
// connection's first packet got.

import { isDestinationTranslated, isSourceTranslated, type Tuple } from './connections.ts'
import type { HookResult } from './hook-result.ts'
import type { Packet } from './packet.ts'
import type { Namespace } from './world.ts'

/** Finds the packet's connection, or begins it. A full table ends the packet. */
export function track(namespace: Namespace, packet: Packet, result: HookResult): void {
  if (packet.tracked !== undefined) return
  const found = namespace.connections.find(packet)
  if (found !== undefined) {
    const { connection, direction } = found
    const isNew = direction === 'original' && connection.line !== undefined && connection.isUnreplied === true
    packet.tracked = { state: isNew ? 'NEW' : 'ESTABLISHED', direction, connection }
    if (connection.line !== undefined) result.did.push(`belongs to a connection that is known: ${connection.line}`)
    return
  }
  const { count, max } = namespace.state.conntrack
  if (max > 0 && count >= max) {
    const text = `connection tracking is full: ${count} of ${max} entries (net.netfilter.nf_conntrack_max)`
    result.end = { outcome: 'dropped', cause: 'conntrack-full', text }
    return
  }
  packet.tracked = { state: 'NEW', direction: 'original', connection: namespace.connections.begin(packet) }
}

/** What NAT did to the connection's first packet is done to all others, and undone to answers. */
export function translateKnown(packet: Packet, isDestination: boolean, result: HookResult): void {
  const { tracked } = packet
  if (tracked?.connection === undefined || isFresh(packet)) return
  const { original, reply } = tracked.connection
  const wanted: Tuple = tracked.direction === 'reply' ? original : reply
  const before = `${packet.source} ${packet.sourcePort} ${packet.destination} ${packet.port}`
  if (isDestination) Object.assign(packet, { destination: wanted.source, port: wanted.sourcePort })
  else Object.assign(packet, { source: wanted.destination, sourcePort: wanted.port })
  if (before === `${packet.source} ${packet.sourcePort} ${packet.destination} ${packet.port}`) return
  const { line } = tracked.connection
  if (line !== undefined && tracked.direction === 'original') result.known = line
  const side = isDestination ? `destination is ${packet.destination}` : `source is ${packet.source}`
  const verb = tracked.direction === 'reply' ? 'translated back' : 'translated as before'
  result.did.push(`${verb} by connection tracking: ${side} now`)
}

/** Whether this very packet began its connection, so that NAT rules are asked. */
export function isFresh({ tracked }: Packet): boolean {
  return tracked?.state === 'NEW' && tracked.connection?.line === undefined && tracked.direction === 'original'
}

/** Within one hook, the first NAT rule that matches has the say. */
export function isTranslated({ tracked }: Packet, isDestination: boolean): boolean {
  const connection = tracked?.connection
  if (connection === undefined) return false
  return isDestination ? isDestinationTranslated(connection) : isSourceTranslated(connection)
}
