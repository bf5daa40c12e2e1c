// One hook of netfilter: connection tracking, translation and every base chain of both dialects, in the order of priorities.

import type { HookName } from '../../../api/net/trace.ts'
import type { Connection, Tuple } from './connections.ts'
import { endAt, type HookResult } from './hook-result.ts'
import { tablesOf } from './netfilter-tables.ts'
import type { Packet } from './packet.ts'
import { type BaseChain, type RuleContext, walkChain } from './rules.ts'
import { isFresh, isTranslated, track, translateKnown } from './tracking.ts'
import type { Namespace } from './world.ts'

export interface Devices {
  iif?: string
  oif?: string
  physicalIn?: string
  physicalOut?: string
}

/** include/uapi/linux/netfilter_ipv4.h */
const trackingPriority = -200
const destinationPriority = -100
const sourcePriority = 100

/** Takes the packet through one hook of the namespace. */
export function runHook(
  namespace: Namespace,
  hook: HookName,
  packet: Packet,
  devices: Devices,
  choose: (count: number) => number,
): HookResult {
  const { chains, isTracking } = tablesOf(namespace, packet.family)
  const mine = chains.filter((chain) => chain.hook === hook)
  const result: HookResult = { did: [], rules: [], notes: [] }
  const isFirst = isDestinationHook(hook)
  const translation = isFirst ? destinationPriority : sourcePriority
  const run = (from: number, to: number) => {
    for (const chain of mine)
      if (result.end === undefined && chain.priority >= from && chain.priority < to)
        runChain(chain, namespace, packet, devices, choose, result)
  }
  run(-Infinity, trackingPriority)
  if (isFirst && isTracking && result.end === undefined) track(namespace, packet, result)
  run(trackingPriority, translation)
  if (result.end === undefined && hook !== 'forward') translateKnown(packet, isFirst, result)
  run(translation, Infinity)
  return result
}

/** Where destinations are translated, and connections begin; elsewhere sources are. */
function isDestinationHook(hook: HookName): boolean {
  return hook === 'prerouting' || hook === 'output'
}

function runChain(
  chain: BaseChain,
  namespace: Namespace,
  packet: Packet,
  devices: Devices,
  choose: (count: number) => number,
  result: HookResult,
): void {
  if (chain.type === 'nat' && (!isFresh(packet) || isTranslated(packet, isDestinationHook(chain.hook)))) return
  const context = makeContext(chain.hook, namespace, packet, devices, choose)
  const end = walkChain(chain, context)
  result.notes.push(...end.unknown)
  result.did.push(...end.did)
  if (end.did.length > 0 || end.rule !== undefined) result.rules.push(...end.matched)
  if (end.verdict === 'accept' && end.rule !== undefined) result.accepted = end.rule
  if (end.verdict !== 'accept') result.end = endAt(chain, end)
}

function makeContext(
  hook: HookName,
  namespace: Namespace,
  packet: Packet,
  devices: Devices,
  choose: (count: number) => number,
): RuleContext {
  const { iif = '', oif = '', physicalIn = '', physicalOut = '' } = devices
  const connection = packet.tracked?.connection
  const destination = (address: string | undefined, port: number | undefined) => {
    packet.destination = address ?? packet.destination
    if (packet.protocol !== 'icmp') packet.port = port ?? packet.port
    remember(connection, { source: packet.destination, sourcePort: packet.port })
  }
  const source = (address: string | undefined, port: number | undefined) => {
    packet.source = address ?? packet.source
    packet.sourcePort = port ?? packet.sourcePort
    remember(connection, { destination: packet.source, port: packet.sourcePort })
  }
  const { family } = packet
  const ownAddress = (device: string) => {
    const { preferredSource } = namespace.route({ family, destination: packet.destination, mark: packet.mark })
    return preferredSource ?? namespace.addressOf(device, family)
  }
  const loopback = family === 'ipv4' ? '127.0.0.1' : '::1'
  return {
    packet,
    namespace,
    hook,
    iif,
    oif,
    physicalIn,
    physicalOut,
    choose,
    translate: {
      destination,
      source,
      masquerade: () => source(ownAddress(oif), undefined),
      redirect: (port) => destination(hook === 'output' ? loopback : namespace.addressOf(iif, family), port),
    },
  }
}

function remember(connection: Connection | undefined, change: Partial<Tuple>): void {
  if (connection !== undefined) connection.reply = { ...connection.reply, ...change }
}
