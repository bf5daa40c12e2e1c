// Gives every node a range for its pods out of the cluster's range. The nodes themselves are the record: after a restart
// all ranges in use are found there before the first new one is given. One key is worked on at a time, so that a range
// is never given twice.

import type { WorkQueue } from '../../../api/client/work-queue.ts'
import type { Node } from '../../../api/generated/types.ts'
import type { Stored } from '../../../api/objects/object.ts'
import { ignore, isNotFound } from '../../../api/objects/status-error.ts'
import { nodes } from '../../../api/resources/nodes.ts'
import { type Controller, type ControllerContext, type Events, makeQueue } from '../controller.ts'
import { CidrSet } from './cidr-set.ts'

/** Prefix lengths of a node's ranges. */
export interface MaskSizes {
  ipv4: number
  ipv6: number
}

/** Kubernetes' own defaults. */
export const defaultMaskSizes: MaskSizes = { ipv4: 24, ipv6: 64 }

/** The cluster's ranges and the sizes of a node's parts. */
export interface NodeIpamOptions {
  /** One per address family, such as ["10.244.0.0/16", "fd00:10:244::/56"]. */
  clusterCidrs: readonly string[]
  maskSizes: MaskSizes
}

export class NodeIpamController implements Controller {
  readonly #context: ControllerContext
  readonly #events: Events
  readonly #queue: WorkQueue
  readonly #sets: readonly CidrSet[]
  /** Ranges by node name, those given but not yet seen on the node included. */
  readonly #held = new Map<string, string[]>()
  /** By node name: ranges it has that are not ours to give, or that another node has. */
  readonly #foreign = new Map<string, string[]>()
  /** Nodes that got none. */
  readonly #waiting = new Set<string>()

  constructor(context: ControllerContext, { clusterCidrs, maskSizes }: NodeIpamOptions) {
    this.#context = context
    this.#events = context.eventsOf('cidrAllocator')
    this.#sets = clusterCidrs.map((cidr) => new CidrSet(cidr, cidr.includes(':') ? maskSizes.ipv6 : maskSizes.ipv4))
    this.#queue = makeQueue('node range', context.log, (key) => this.reconcile(key), { workers: 1 })
    context.view.nodes.onChange(({ old, object }) => this.#queue.add((object ?? old)?.metadata.name ?? ''))
  }

  async run(signal: AbortSignal): Promise<void> {
    for (const node of this.#context.view.nodes.list()) this.#hold(node)
    await this.#queue.run(signal)
  }

  /** Makes one node have a range, or takes back that of one that is gone. */
  async reconcile(name: string): Promise<void> {
    const node = this.#context.view.nodes.get(name)
    if (node === undefined) {
      this.#foreign.delete(name)
      return this.#release(name)
    }
    if (rangesOf(node).length > 0) return this.#hold(node)
    const cidrs = this.#held.get(name) ?? this.#allocate()
    if (cidrs === undefined) return this.#sayExhausted(node)
    this.#held.set(name, cidrs)
    await this.#assign(node, cidrs)
  }

  /** One range of each family, or none at all. */
  #allocate(): string[] | undefined {
    const parts = this.#sets.map((set) => set.allocate())
    if (parts.every((part) => part !== undefined)) return parts
    for (const part of parts) if (part !== undefined) this.#giveBack(part)
    return undefined
  }

  #giveBack(cidr: string): void {
    for (const set of this.#sets) set.release(cidr)
  }

  #hold(node: Stored<Node>): void {
    const { name } = node.metadata
    const cidrs = rangesOf(node)
    this.#waiting.delete(name)
    const held = this.#held.get(name) ?? []
    const isSame = cidrs.filter((cidr) => !this.#foreign.get(name)?.includes(cidr)).join() === held.join()
    if (cidrs.length === 0 || isSame) return
    this.#release(name)
    // What is not ours to give is not ours to take back.
    const ours = cidrs.filter((cidr) => this.#sets.some((set) => set.occupy(cidr)))
    if (ours.length > 0) this.#held.set(name, ours)
    const foreign = cidrs.filter((cidr) => !ours.includes(cidr))
    this.#foreign.delete(name)
    if (foreign.length === 0) return
    this.#foreign.set(name, foreign)
    this.#context.log.warn(`node ${name} has pod range ${foreign}, which another node has or the cluster has not`)
  }

  #release(name: string): void {
    this.#waiting.delete(name)
    const cidrs = this.#held.get(name)
    if (cidrs === undefined) return
    this.#held.delete(name)
    for (const cidr of cidrs) this.#giveBack(cidr)
    for (const waiting of this.#waiting) this.#queue.add(waiting)
    for (const [other, foreign] of this.#foreign) {
      if (!foreign.some((cidr) => cidrs.includes(cidr))) continue
      this.#foreign.delete(other)
      this.#queue.add(other)
    }
  }

  #sayExhausted(node: Stored<Node>): void {
    const { name } = node.metadata
    if (this.#waiting.has(name)) return
    this.#waiting.add(name)
    const message = `Node ${name} status is now: CIDRNotAvailable`
    this.#events.event(nodes, node, 'Normal', 'CIDRNotAvailable', message)
  }

  /** The resource version keeps a range from a node that got another from somebody else meanwhile. */
  async #assign({ metadata }: Stored<Node>, cidrs: string[]): Promise<void> {
    const { uid, resourceVersion } = metadata
    const patch = { metadata: { uid, resourceVersion }, spec: { podCIDR: cidrs[0], podCIDRs: cidrs } }
    await this.#context.client.patch(nodes, metadata, 'application/merge-patch+json', patch).catch(ignore(isNotFound))
  }
}

function rangesOf({ spec }: Stored<Node>): string[] {
  const { podCIDRs = [], podCIDR = '' } = spec
  return podCIDRs.length > 0 ? podCIDRs : [podCIDR].filter((cidr) => cidr !== '')
}
