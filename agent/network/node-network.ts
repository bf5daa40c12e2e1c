// Keeps this node part of the pod network: its CNI configuration from its pod range, routes to all other nodes' ranges, its
// rules and kernel settings. Nodes' changes wake it; a slow full comparison mends what somebody else took away.

import type { Client } from '../../api/client/client.ts'
import { Informer } from '../../api/client/informer.ts'
import type { Node } from '../../api/generated/types.ts'
import type { Stored } from '../../api/objects/object.ts'
import { nodes } from '../../api/resources/nodes.ts'
import { ipBatch, listRoutes } from '../../cni/linux/ip.ts'
import { ensureOwnConfig } from './conflist.ts'
import { ensureRules, ensureSysctls } from './node-rules.ts'
import { diffRoutes, nodeAddresses, planRoutes, planRules } from './plan.ts'

export interface NodeNetworkOptions {
  client: Client
  nodeName: string
  clusterCidr: string
  confDir: string
  /** Where the plugin keeps its reservations. */
  reservationsDir: string
  mtu?: number
  onError: (error: unknown) => void
}

/** Marks our routes in the kernel (`ip route show proto 96`): those, and no others, are ours to remove. */
const routeProtocol = '96'
const retryMs = 1_000
const resyncMs = 60_000

export class NodeNetwork {
  readonly #options: NodeNetworkOptions
  readonly #nodes: Informer<Node>
  /** What was wanted when the kernel was last compared, as text. */
  #settled = ''
  /** Nodes changed since they were last looked at, perhaps while the kernel was being written. */
  #changed = false
  #wake: (() => void) | undefined

  constructor(options: NodeNetworkOptions) {
    this.#options = options
    this.#nodes = new Informer(options.client, nodes, { onError: options.onError })
    this.#nodes.onChange(() => {
      this.#changed = true
      this.#wake?.()
    })
  }

  /** This node as it was last heard of. */
  get self(): Stored<Node> | undefined {
    return this.#nodes.get(this.#options.nodeName)
  }

  /** Works until the signal aborts. Everything stays in the kernel then: pods outlive the agent. Rejects when it can no longer follow the Nodes. */
  async run(signal: AbortSignal): Promise<void> {
    const wakeUp = () => this.#wake?.()
    signal.addEventListener('abort', wakeUp)
    const following = this.#nodes.run(signal)
    await Promise.race([this.#nodes.synced, following])
    await Promise.all([following, this.#keep(signal)])
    signal.removeEventListener('abort', wakeUp)
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
      resolve()
    }, limitMs)
    this.#wake = resolve
    await promise
    clearTimeout(timer)
    this.#wake = undefined
  }

  async #reconcile(): Promise<boolean> {
    const all = this.#nodes.list()
    const self = this.#nodes.get(this.#options.nodeName)
    const podCidr = self?.spec.podCIDR
    const wanted = { podCidr, routes: planRoutes(all, this.#options.nodeName), addresses: nodeAddresses(all) }
    // Heartbeats change Nodes all the time; hardly any of that is about the network.
    if (JSON.stringify(wanted) === this.#settled) return true
    try {
      if (podCidr !== undefined) await this.#ensureOwn(podCidr, wanted.addresses)
      await ensureRoutes(wanted.routes)
      this.#settled = JSON.stringify(wanted)
      return true
    } catch (error) {
      this.#options.onError(error)
      return false
    }
  }

  async #ensureOwn(podCidr: string, addresses: string[]): Promise<void> {
    const { clusterCidr, confDir, reservationsDir, mtu = 1500 } = this.#options
    await ensureSysctls()
    await ensureRules(planRules({ podCidr, clusterCidr, addresses }))
    await ensureOwnConfig(confDir, { podCidr, mtu, reservationsDir })
  }
}

async function ensureRoutes(wanted: ReturnType<typeof planRoutes>): Promise<void> {
  const { replace, remove } = diffRoutes(wanted, await listRoutes({}, ['proto', routeProtocol]))
  await ipBatch([
    ...replace.map(({ dst, gateway }) => `route replace ${dst} via ${gateway} proto ${routeProtocol}`),
    ...remove.map((dst) => `route del ${dst} proto ${routeProtocol}`),
  ])
}
