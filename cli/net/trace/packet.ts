// A packet on its way, as far as anything on a node decides by it.

import type { Flow, TraceProtocol } from '../../../api/net/trace.ts'
import type { Family } from '../../../api/objects/addresses.ts'
import type { Connection } from './connections.ts'
import type { Frame } from './frames.ts'

export interface Packet {
  family: Family
  protocol: TraceProtocol
  source: string
  destination: string
  /** 0 for ICMP. */
  sourcePort: number
  port: number
  /** Whole IP packet. */
  bytes: number
  mark: number
  /** skb->priority, which rules use as a register. */
  priority?: number
  /** What connection tracking of the namespace it is in knows; absent before it was asked. */
  tracked?: Tracked
  /** On the way back. */
  isAnswer?: boolean
  /** A packet of a tunnel carries another one. */
  inner?: Frame
}

interface Tracked {
  state: 'NEW' | 'ESTABLISHED' | 'UNTRACKED' | 'INVALID'
  direction: 'original' | 'reply'
  connection?: Connection
}

/** The first packet of a connection is as small as this; what is bigger is asked for. */
export const smallBytes = 60

export function makePacket(flow: Flow & { source: string }, family: Family, bytes = smallBytes): Packet {
  const { protocol, source, destination, port, sourcePort } = flow
  const isEcho = protocol === 'icmp'
  return {
    family,
    protocol,
    source,
    destination,
    sourcePort: isEcho ? 0 : sourcePort,
    port: isEcho ? 0 : port,
    bytes,
    mark: 0,
  }
}

/** "10.244.1.2:40001 -> 10.96.0.5:80". */
export function formatPacket({ source, sourcePort, destination, port }: Packet): string {
  return `${formatEnd(source, sourcePort)} -> ${formatEnd(destination, port)}`
}

/** "10.0.0.1:80", "[fd00::1]:80", or the address alone where there are no ports. */
export function formatEnd(address: string, port: number): string {
  const shown = address === '' ? '?' : address
  if (port === 0) return shown
  return shown.includes(':') ? `[${shown}]:${port}` : `${shown}:${port}`
}
