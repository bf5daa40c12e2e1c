// Gives every node a range for its pods out of the cluster's range. The nodes themselves are the record: after a restart
// all ranges in use are found there before the first new one is given. One key is worked on at a time, so that a range
// is never given twice.

import type { WorkQueue } from '../../../api/client/work-queue.ts'
import type { Node } from '../../../api/generated/types.ts'
import type { Stored } from '../../../api/objects/object.ts'
import { isNotFound } from '../../../api/objects/status-error.ts'
import { nodes } from '../../../api/resources/nodes.ts'
import { type Controller, type ControllerContext, type Events, makeQueue } from '../controller.ts'
import { CidrSet } from './cidr-set.ts'

/** The cluster's range and the size of a node's part. */
export interface NodeIpamOptions {
  /** Such as "10.244.0.0/16". */
  clusterCidr: string
  nodeCidrMaskSize: number
}

export class NodeIpamController implements Controller {
  readonly #context: ControllerContext
  readonly #events: Events
  readonly #queue: WorkQueue
  readonly #cidrs: CidrSet
  /** Ranges by node name, those given but not yet seen on the node included. */
  readonly #held = new Map<string, string>()
  /** Nodes that got none. */
  readonly #waiting = new Set<string>()

  constructor(context: ControllerContext, { clusterCidr, nodeCidrMaskSize }: NodeIpamOptions) {
    this.#context = context
    this.#events = context.eventsOf('cidrAllocator')
    this.#cidrs = new CidrSet(clusterCidr, nodeCidrMaskSize)
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
    if (node === undefined) return this.#release(name)
    if ((node.spec.podCIDR ?? '') !== '') return this.#hold(node)
    const cidr = this.#held.get(name) ?? this.#cidrs.allocate()
    if (cidr === undefined) return this.#sayExhausted(node)
    this.#held.set(name, cidr)
    await this.#assign(node, cidr)
  }

  #hold({ metadata, spec }: Stored<Node>): void {
    const { name } = metadata
    const cidr = spec.podCIDR ?? ''
    this.#waiting.delete(name)
    if (cidr === '' || this.#held.get(name) === cidr) return
    this.#release(name)
    // What is not ours to give is not ours to take back.
    if (this.#cidrs.occupy(cidr)) this.#held.set(name, cidr)
    else this.#context.log.warn(`node ${name} has pod range ${cidr}, which another node has or the cluster has not`)
  }

  #release(name: string): void {
    this.#waiting.delete(name)
    const cidr = this.#held.get(name)
    if (cidr === undefined) return
    this.#held.delete(name)
    this.#cidrs.release(cidr)
    for (const waiting of this.#waiting) this.#queue.add(waiting)
  }

  #sayExhausted(node: Stored<Node>): void {
    const { name } = node.metadata
    if (this.#waiting.has(name)) return
    this.#waiting.add(name)
    const message = `Node ${name} status is now: CIDRNotAvailable`
    this.#events.event(nodes, node, 'Normal', 'CIDRNotAvailable', message)
  }

  /** The resource version keeps a range from a node that got another from somebody else meanwhile. */
  async #assign({ metadata }: Stored<Node>, cidr: string): Promise<void> {
    const { uid, resourceVersion } = metadata
    const patch = { metadata: { uid, resourceVersion }, spec: { podCIDR: cidr, podCIDRs: [cidr] } }
    await this.#context.client.patch(nodes, metadata, 'application/merge-patch+json', patch).catch((error: unknown) => {
      if (!isNotFound(error)) throw error
    })
  }
}
