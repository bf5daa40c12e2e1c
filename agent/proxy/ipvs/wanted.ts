// What all Services together want of the kernel, and which of it a change touches.

import { Claims } from './claims.ts'
import type { Plan, WantedServer } from './plan.ts'

/** Keys as in Plan. */
export interface Touched {
  addresses: Set<string>
  servers: Set<string>
  elements: Set<string>
}

export class Wanted {
  readonly addresses = new Claims<true>()
  readonly servers = new Claims<WantedServer>()
  readonly elements = new Claims<string>()
  readonly #plans = new Map<string, Plan>()

  /** Replaces what a Service wants; returns all keys that it wanted before or wants now. */
  set(service: string, plan: Plan): Touched {
    const old = this.#plans.get(service)
    const touched: Touched = {
      addresses: new Set([...(old?.addresses ?? []), ...plan.addresses]),
      servers: new Set([...(old?.servers.keys() ?? []), ...plan.servers.keys()]),
      elements: new Set([...(old?.elements.keys() ?? []), ...plan.elements.keys()]),
    }
    // New claims first: who keeps a key keeps its place before others that want it.
    for (const key of plan.addresses) this.addresses.claim(service, key, true)
    for (const [key, server] of plan.servers) this.servers.claim(service, key, server)
    for (const [key, comment] of plan.elements) this.elements.claim(service, key, comment)
    for (const key of touched.addresses) if (!plan.addresses.has(key)) this.addresses.release(service, key)
    for (const key of touched.servers) if (!plan.servers.has(key)) this.servers.release(service, key)
    for (const key of touched.elements) if (!plan.elements.has(key)) this.elements.release(service, key)
    if (plan.servers.size === 0) this.#plans.delete(service)
    else this.#plans.set(service, plan)
    return touched
  }
}
