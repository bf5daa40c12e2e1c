// Listens at all taps at once and hands packets on in the order of their times.

import { type CaptureRequest, capturePath } from '../../../api/net/capture.ts'
import type { NodeAgents } from '../node-agents.ts'
import { TimeOrder } from './order.ts'
import { type CapturedPacket, openPcap, type PcapStream } from './pcap.ts'
import type { Tap } from './taps.ts'

export type Bounds = Pick<CaptureRequest, 'durationMs' | 'maxBytes' | 'snaplen'>

/** A tap that sees packets. */
export interface OpenTap extends Tap {
  stream: PcapStream
}

/** A packet, and which tap saw it: an index. */
export interface SeenPacket extends CapturedPacket {
  tap: number
  rank: number
}

/** How long a packet waits for earlier ones from nodes that are slower to tell. */
const waitMs = 400
const tickMs = 100

/** Resolves when all of them see packets. Throws the first error when none of them can; else tells of those that cannot. */
export async function openTaps(
  agents: NodeAgents,
  taps: readonly Tap[],
  bounds: Bounds,
  signal: AbortSignal,
  onFailed: (tap: Tap, error: Error) => void,
): Promise<OpenTap[]> {
  const opened = await Promise.allSettled(
    taps.map(async (tap): Promise<OpenTap> => {
      const { place, device } = tap.hop
      const request: CaptureRequest = { ...bounds, device, filter: tap.filter, ...(place.pod && { pod: place.pod }) }
      const { body } = await agents.send('POST', place.node, capturePath, request, signal)
      const stream = await openPcap(body)
      if (stream === undefined) throw new Error('the capture ended before it began')
      return { ...tap, stream }
    }),
  )
  const good = opened.flatMap((each) => (each.status === 'fulfilled' ? [each.value] : []))
  for (const [at, each] of opened.entries()) {
    const tap = taps[at]
    if (each.status === 'fulfilled' || tap === undefined) continue
    if (good.length === 0) throw each.reason
    onFailed(tap, each.reason)
  }
  return good
}

/** Ends when all streams have, or the signal aborts. What was seen until then has been handed on. Rejects with what onPacket throws. */
export async function followTaps(
  taps: readonly OpenTap[],
  signal: AbortSignal,
  onPacket: (packet: SeenPacket) => void,
  onFailed: (tap: Tap, error: Error) => void,
): Promise<void> {
  const order = new TimeOrder<SeenPacket>(waitMs)
  const broken = Promise.withResolvers<never>()
  const timer = setInterval(() => {
    try {
      order.take(performance.now()).forEach(onPacket)
    } catch (error) {
      broken.reject(error)
    }
  }, tickMs)
  const pumps = taps.map(async (tap, index) => {
    try {
      for await (const packet of tap.stream.packets)
        order.add({ ...packet, tap: index, rank: tap.rank }, performance.now())
    } catch (error) {
      if (!signal.aborted) onFailed(tap, error instanceof Error ? error : new Error(String(error)))
    }
  })
  try {
    await Promise.race([Promise.all(pumps), broken.promise])
  } finally {
    clearInterval(timer)
  }
  order.drain().forEach(onPacket)
}
