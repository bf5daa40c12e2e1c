// Keeps the provider's routes at: traffic to a node's pods goes to that node. For providers whose network would drop packets
// for addresses that it does not know.
// https://kubernetes.io/docs/concepts/architecture/cloud-controller/#route-controller

import type { WorkQueue } from '../../../api/client/work-queue.ts'
import { type Controller, type ControllerContext, makeQueue } from '../controller.ts'
import type { CloudRoute, Routes } from './provider.ts'

/** All routes are compared at once: a provider answers one list faster than many questions. */
const only = 'routes'
/** Others may change a provider's routes, and it tells nobody. */
const recheckMs = 5 * 60_000

export class CloudRouteController implements Controller {
  readonly #context: ControllerContext
  readonly #routes: Routes
  readonly #queue: WorkQueue
  /** What was wanted last, as text: heartbeats change Nodes all the time. */
  #settled = ''

  constructor(context: ControllerContext, routes: Routes) {
    this.#context = context
    this.#routes = routes
    this.#queue = makeQueue('cloud routes', context.log, () => this.reconcile(), { workers: 1 })
    context.view.nodes.onChange(() => {
      if (JSON.stringify(this.#wanted()) !== this.#settled) this.#queue.add(only)
    })
  }

  async run(signal: AbortSignal): Promise<void> {
    this.#queue.add(only)
    await this.#queue.run(signal)
  }

  /** Removes first: a range may have gone from one node to another. */
  async reconcile(): Promise<void> {
    const wanted = this.#wanted()
    const actual = await this.#routes.list()
    for (const route of actual) if (!has(wanted, route)) await this.#routes.delete(route)
    for (const route of wanted) if (!has(actual, route)) await this.#routes.create(route)
    this.#settled = JSON.stringify(wanted)
    this.#queue.addAfter(only, recheckMs)
  }

  #wanted(): CloudRoute[] {
    return this.#context.view.nodes
      .list()
      .flatMap(({ metadata, spec }) =>
        (spec.podCIDRs ?? []).map((destination) => ({ nodeName: metadata.name, destination })),
      )
      .sort((a, b) => (a.destination < b.destination ? -1 : 1))
  }
}

function has(routes: readonly CloudRoute[], { nodeName, destination }: CloudRoute): boolean {
  return routes.some((route) => route.nodeName === nodeName && route.destination === destination)
}
