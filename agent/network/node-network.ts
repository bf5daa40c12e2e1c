// Keeps this node part of the pod network: its CNI configuration from its pod ranges, routes and tunnels to all other
// nodes' ranges, its rules and kernel settings. Nodes' changes wake it; a slow full comparison mends what somebody else
// took away. `verify` compares in the same way and changes nothing.

import { type Informer, whenSynced } from '../../api/client/informer.ts'
import { Upkeep } from '../../api/client/upkeep.ts'
import type { Node } from '../../api/generated/types.ts'
import type { Difference, Verifiable } from '../../api/net/difference.ts'
import type { Stored } from '../../api/objects/object.ts'
import { compareParts, type NodeParts } from './node-parts.ts'
import { type NetworkKind, type NodePlan, networkFactsOf, planNetwork, type Uplink } from './plan.ts'
import { applyRepairs } from './repair.ts'
import { readUplinks } from './uplink.ts'
import type { WireguardKey } from './wireguard-key.ts'

export interface NodeNetworkOptions {
  nodes: Informer<Node>
  nodeName: string
  /** This node's own addresses; tunnels go over the first. */
  nodeIps: readonly string[]
  kind: NetworkKind
  /** Of the kind wireguard. */
  wireguardKey?: WireguardKey
  /** Ranges of all pods, one a family. */
  clusterCidrs: readonly string[]
  confDir: string
  /** Where the plugin keeps its reservations. */
  reservationsDir: string
  onError: (error: unknown) => void
}

export class NodeNetwork implements Verifiable {
  readonly #options: NodeNetworkOptions
  readonly #nodes: Informer<Node>
  /** This node's links; read anew with every full comparison. */
  #uplinks: Uplink[] | undefined
  /** What the kernel holds since it was last compared, as text; empty when that failed half way. */
  #settled = ''
  #problems = ''
  /** Reading and writing the kernel is its: nobody else may meanwhile. */
  readonly #upkeep: Upkeep

  constructor(options: NodeNetworkOptions) {
    this.#options = options
    this.#nodes = options.nodes
    this.#upkeep = new Upkeep({ sync: (isResync) => this.#sync(isResync), onError: options.onError })
    this.#nodes.onChange(({ old, object }) => {
      // Heartbeats change Nodes all the time, and to look at all of them for each takes longer the more there are.
      if (old && object && networkFactsOf(old) === networkFactsOf(object)) return
      this.#upkeep.wake()
    })
  }

  /** This node as it was last heard of. */
  get self(): Stored<Node> | undefined {
    return this.#nodes.get(this.#options.nodeName)
  }

  /** Works until the signal aborts. Everything stays in the kernel then: pods outlive the agent. */
  async run(signal: AbortSignal): Promise<void> {
    await whenSynced([this.#nodes], signal)
    await this.#upkeep.run(signal)
  }

  /** Looks at the kernel now: somebody else has changed it. */
  resync(): void {
    this.#upkeep.resync()
  }

  async verify(): Promise<Difference[]> {
    await this.#nodes.synced
    return await this.#upkeep.exclusively(async () => {
      this.#uplinks = undefined
      const found: Difference[] = []
      for (const compare of compareParts(this.#parts(await this.#plan())))
        found.push(...(await compare()).flatMap(({ differences }) => differences))
      return found
    })
  }

  async repair(): Promise<void> {
    await this.#nodes.synced
    await this.#upkeep.exclusively(() => this.#sync(true))
  }

  async #sync(isResync: boolean): Promise<void> {
    if (isResync || this.#settled === '') this.#uplinks = undefined
    const plan = await this.#plan()
    const wanted = JSON.stringify(plan)
    if (!isResync && wanted === this.#settled) return
    this.#settled = ''
    await this.#mend(plan)
    this.#settled = wanted
  }

  async #plan(): Promise<NodePlan> {
    const { nodeName, nodeIps, kind, clusterCidrs, onError } = this.#options
    this.#uplinks ??= await readUplinks(nodeIps)
    const wish = { kind, selfName: nodeName, uplinks: this.#uplinks, clusterCidrs }
    const plan = planNetwork(this.#nodes.list(), wish)
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
    const { nodeName, wireguardKey, clusterCidrs, confDir, reservationsDir } = this.#options
    const where = { clusterCidrs, confDir, reservationsDir, ...(wireguardKey && { wireguardKey }) }
    return { plan, owner: `Node ${nodeName}`, uplinks: this.#uplinks ?? [], ...where }
  }
}
