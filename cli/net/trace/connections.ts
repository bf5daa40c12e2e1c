// Connection tracking: what the real tables hold, and what the traced packet itself would leave there on its way out, by which
// its answer finds back.

import type { NamespaceState } from '../../../api/net/state.ts'
import { isSame } from './address.ts'
import type { Packet } from './packet.ts'

export interface Tuple {
  source: string
  destination: string
  sourcePort: number
  port: number
}

/** `reply` is what the answer looks like when it comes in: addresses that NAT changed are changed there. */
export interface Connection {
  protocol: string
  original: Tuple
  reply: Tuple
  /** The line of `conntrack -L` for a real one. */
  line?: string
  isUnreplied?: boolean
}

/** Whether NAT changed where the connection goes. */
export function isDestinationTranslated({ original, reply }: Connection): boolean {
  return original.destination !== reply.source || original.port !== reply.sourcePort
}

/** Whether NAT changed where the connection comes from. */
export function isSourceTranslated({ original, reply }: Connection): boolean {
  return original.source !== reply.destination || original.sourcePort !== reply.port
}

export const tupleOf = ({ source, destination, sourcePort, port }: Packet): Tuple => ({
  source,
  destination,
  sourcePort,
  port,
})

export const invert = ({ source, destination, sourcePort, port }: Tuple): Tuple => ({
  source: destination,
  destination: source,
  sourcePort: port,
  port: sourcePort,
})

export function isSameTuple(a: Tuple, b: Tuple): boolean {
  return (
    a.port === b.port &&
    a.sourcePort === b.sourcePort &&
    isSame(a.source, b.source) &&
    isSame(a.destination, b.destination)
  )
}

/** Reads a line of `conntrack -L`; undefined for what has no ports, but ICMP. */
function parseConnection(line: string): Connection | undefined {
  const protocol = line.trim().split(/\s+/)[0]
  const values = [...line.matchAll(/(src|dst|sport|dport)=(\S+)/g)]
  const halves = [values.slice(0, values.length / 2), values.slice(values.length / 2)]
  const [original, reply] = halves.map((half) => {
    const value = (name: string) => half.find(([, key]) => key === name)?.[2]
    const source = value('src')
    const destination = value('dst')
    if (source === undefined || destination === undefined) return undefined
    return { source, destination, sourcePort: Number(value('sport') ?? 0), port: Number(value('dport') ?? 0) }
  })
  if (protocol === undefined || original === undefined || reply === undefined) return undefined
  return {
    protocol: protocol.replace('icmpv6', 'icmp'),
    original,
    reply,
    line: line.trim(),
    isUnreplied: line.includes('[UNREPLIED]'),
  }
}

/** The connections of one namespace: real ones, and the one that is being traced. */
export class Connections {
  readonly #real: Connection[]
  readonly #traced: Connection[] = []

  constructor({ conntrack }: NamespaceState) {
    this.#real = conntrack.entries.flatMap((line) => parseConnection(line) ?? [])
  }

  /** The connection that a packet belongs to, and its direction. */
  find(packet: Packet): { connection: Connection; direction: 'original' | 'reply' } | undefined {
    const tuple = tupleOf(packet)
    for (const connection of [...this.#traced, ...this.#real]) {
      if (connection.protocol !== packet.protocol) continue
      if (isSameTuple(connection.original, tuple)) return { connection, direction: 'original' }
      if (isSameTuple(connection.reply, tuple)) return { connection, direction: 'reply' }
    }
    return undefined
  }

  /** Real connections of any source port between the packet's source and what it asks for. */
  findRelatives({ protocol, source, destination, port }: Packet): Connection[] {
    return this.#real.filter(
      ({ protocol: other, original }) =>
        other === protocol &&
        original.port === port &&
        isSame(original.source, source) &&
        isSame(original.destination, destination),
    )
  }

  /** A new connection as it begins: nothing translated yet. */
  begin(packet: Packet): Connection {
    const original = tupleOf(packet)
    const connection = { protocol: packet.protocol, original, reply: invert(original) }
    this.#traced.push(connection)
    return connection
  }
}
