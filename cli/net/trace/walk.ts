// Takes one packet through the namespaces, one step of a kernel after the other, and writes down what decided. Each step gives
// the next position or the end. The order of things follows the kernel: net/ipv4/ip_input.c, ip_forward.c, ip_output.c,
// net/bridge/br_input.c, br_netfilter_hooks.c.

import type { Cause, End, HookName, HookPass, Hop, Leg, RuleReference, Step } from '../../../api/net/trace.ts'
import type { Tuple } from './connections.ts'
import { formatPacket, type Packet } from './packet.ts'
import type { Namespace, Port, World } from './world.ts'

/** The next thing that happens to the packet. */
export type Position = () => Position | End

/** More steps than any packet takes: it goes round in circles. */
const stepLimit = 200

/** The walk of one packet in one direction. */
export class Walk {
  readonly world: World
  readonly hops: Hop[] = []
  readonly hooks: HookPass[] = []
  readonly warnings: { cause: Cause; text: string }[] = []
  /** Picks one of several random outcomes. */
  readonly choose: (count: number) => number
  /** Where and how an answer must arrive; absent on the way out. */
  readonly answer: { namespace?: Namespace; tuple: Tuple } | undefined
  /** The packet as it was last seen, and where it left the cluster. */
  last: { packet: Packet; namespace: Namespace; exit?: Port } | undefined
  /** A real entry of connection tracking that translated the packet. */
  known: string | undefined
  /** The next hop's hardware address must be asked for first; until then the packet has come through this many hooks. */
  awaited: { nextHop: string; hooks: number } | undefined
  /** What the sender sent, once its kernel has chosen the source. */
  sent: Tuple | undefined
  /** Smallest MTU that the packet met. */
  mtu = Number.POSITIVE_INFINITY
  /** Namespaces that forwarded it, to see a loop. */
  readonly #forwarded = new Map<Namespace, number>()

  constructor(world: World, choose: (count: number) => number, answer?: Walk['answer']) {
    this.world = world
    this.choose = choose
    this.answer = answer
  }

  run(start: Position): Leg {
    let position = start
    for (let count = 0; count < stepLimit; count++) {
      const next = position()
      if (typeof next !== 'function') return { hops: this.hops, hooks: this.hooks, end: next }
      position = next
    }
    throw new Error(`the packet was followed for ${stepLimit} steps without an end`)
  }

  note(namespace: Namespace, step: Step, text: string, packet: Packet, more: Partial<Hop> = {}): void {
    const { mtu } = more
    if (mtu !== undefined) this.mtu = Math.min(this.mtu, mtu)
    this.hops.push({ place: namespace.place, step, text, packet: formatPacket(packet), ...more })
  }

  /** Hooks that the packet comes through on a side way, which is no hop of its own. */
  passUnseen({ place }: Namespace, hooks: readonly HookName[]): void {
    for (const hook of hooks) this.hooks.push({ place, hook, hop: this.hops.length, passes: true })
  }

  warn(cause: Cause, text: string): void {
    if (!this.warnings.some((warning) => warning.text === text)) this.warnings.push({ cause, text })
  }

  /**
   * Ends the walk where a frame cannot go on. Where the way had to be asked for, the question goes that way too and is not answered:
   * the packet itself never comes so far.
   */
  block(namespace: Namespace, cause: Cause, text: string, packet: Packet, device: string, step: Step): End {
    const { awaited } = this
    if (awaited === undefined) return this.drop(namespace, cause, text, packet, device, step)
    this.hooks.splice(awaited.hooks)
    return this.drop(namespace, cause, `${text}, so that nobody answers for ${awaited.nextHop}`, packet, device, step)
  }

  /** Ends the walk at a hop of its own. */
  end(
    namespace: Namespace,
    outcome: End['outcome'],
    cause: Cause,
    text: string,
    packet: Packet,
    more: { step?: Step; device?: string; rule?: RuleReference } = {},
  ): End {
    this.last = { ...this.last, packet, namespace }
    const { step = outcome === 'delivered' ? 'socket' : 'forward', device, rule } = more
    this.note(namespace, step, text, packet, {
      ...(device !== undefined && { device }),
      ...(rule !== undefined && { rules: [rule] }),
    })
    const { place } = namespace
    return { outcome, cause, text, place, hop: this.hops.length - 1, ...(rule !== undefined && { rule }) }
  }

  drop(namespace: Namespace, cause: Cause, text: string, packet: Packet, device?: string, step: Step = 'forward'): End {
    return this.end(namespace, 'dropped', cause, text, packet, { step, ...(device !== undefined && { device }) })
  }

  /** Whether the namespace has forwarded the packet so often that it must be a loop. */
  isLoop(namespace: Namespace): boolean {
    const count = (this.#forwarded.get(namespace) ?? 0) + 1
    this.#forwarded.set(namespace, count)
    return count > 4
  }
}
