// Keeps this node part of the pod network: its CNI configuration from its pod ranges, routes and tunnels to all other
// nodes' ranges, its rules and kernel settings. Nodes' changes wake it; a slow full comparison mends what somebody else
// took away. `verify` compares in the same way and changes nothing.

import type { Informer } from '../../api/client/informer.ts'
import type { Node } from '../../api/generated/types.ts'
import type { Difference, Verifiable } from '../../api/net/difference.ts'
import type { Stored } from '../../api/objects/object.ts'
import { compareParts, type NodeParts } from './node-parts.ts'
import { type NetworkKind, type NodePlan, planNetwork, type Uplink } from './plan.ts'
import { applyRepairs } from './repair.ts'
import { readUplinks } from './uplink.ts'

export interface NodeNetworkOptions {
  nodes: Informer<Node>
  nodeName: string
  /** This node's own addresses; tunnels go over the first. */
  nodeIps: readonly string[]
  kind: NetworkKind
  /** Ranges of all pods, one a family. */
  clusterCidrs: readonly string[]
  confDir: string
  /** Where the plugin keeps its reservations. */
  reservationsDir: string
  onError: (error: unknown) => void
}

const retryMs = 1_000
const resyncMs = 60_000

export class NodeNetwork implements Verifiable {
  readonly #options: NodeNetworkOptions
  readonly #nodes: Informer<Node>
  /** This node's links; read anew with every full comparison. */
  #uplinks: Uplink[] | undefined
  /** What was wanted when the kernel was last compared, as text. */
  #settled = ''
  /** Nodes changed since they were last looked at, perhaps while the kernel was being written. */
  #changed = false
  #problems = ''
  #wake: (() => void) | undefined

  constructor(options: NodeNetworkOptions) {
    this.#options = options
    this.#nodes = options.nodes
    this.#nodes.onChange(() => {
      this.#changed = true
      this.#wake?.()
    })
  }

  /** This node as it was last heard of. */
  get self(): Stored<Node> | undefined {
    return this.#nodes.get(this.#options.nodeName)
  }

  /** Works until the signal aborts. Everything stays in the kernel then: pods outlive the agent. */
  async run(signal: AbortSignal): Promise<void> {
    const aborted = Promise.withResolvers<void>()
    signal.addEventListener('abort', () => {
      aborted.resolve()
      this.#wake?.()
    })
    await Promise.race([this.#nodes.synced, aborted.promise])
    await this.#keep(signal)
  }

  async verify(): Promise<Difference[]> {
    await this.#nodes.synced
    this.#uplinks = undefined
    const plan = await this.#plan()
    const found: Difference[] = []
    for (const compare of compareParts(this.#parts(plan)))
      found.push(...(await compare()).flatMap(({ differences }) => differences))
    return found
  }

  async repair(): Promise<void> {
    await this.#nodes.synced
    this.#uplinks = undefined
    await this.#mend(await this.#plan())
  }

  async #keep(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      this.#changed = false
      const isDone = await this.#reconcile()
      // Nobody can wake what does not sleep yet: a change or the end that came meanwhile is asked for here.
      if (!signal.aborted && !(isDone && this.#changed)) await this.#wait(isDone ? resyncMs : retryMs)
    }
  }

  /** Returns early when a change of the Nodes means something new for this one. */
  async #wait(limitMs: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    const timer = setTimeout(() => {
      this.#settled = ''
      this.#uplinks = undefined
      resolve()
    }, limitMs)
    this.#wake = resolve
    await promise
    clearTimeout(timer)
    this.#wake = undefined
  }

  async #reconcile(): Promise<boolean> {
    try {
      const plan = await this.#plan()
      // Heartbeats change Nodes all the time; hardly any of that is about the network.
      const wanted = JSON.stringify(plan)
      if (wanted === this.#settled) return true
      await this.#mend(plan)
      this.#settled = wanted
      return true
    } catch (error) {
      this.#options.onError(error)
      return false
    }
  }

  async #plan(): Promise<NodePlan> {
    const { nodeName, nodeIps, kind, onError } = this.#options
    this.#uplinks ??= await readUplinks(nodeIps)
    const plan = planNetwork(this.#nodes.list(), { kind, selfName: nodeName, uplinks: this.#uplinks })
    const problems = plan.problems.join('; ')
    if (problems !== '' && problems !== this.#problems) onError(new Error(problems))
    this.#problems = problems
    return plan
  }

  /** Part by part: what one wrote, the next finds. A part that fails keeps none of the others from being mended. */
  async #mend(plan: NodePlan): Promise<void> {
    const failures: unknown[] = []
    for (const compare of compareParts(this.#parts(plan))) {
      try {
        await applyRepairs(await compare())
      } catch (error) {
        failures.push(error)
      }
    }
    if (failures.length === 1) throw failures[0]
    if (failures.length > 1) throw new AggregateError(failures, failures.map(String).join('; '))
  }

  #parts(plan: NodePlan): NodeParts {
    const { nodeName, clusterCidrs, confDir, reservationsDir } = this.#options
    return { plan, owner: `Node ${nodeName}`, uplinks: this.#uplinks ?? [], clusterCidrs, confDir, reservationsDir }
  }
}
