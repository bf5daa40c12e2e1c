// Which endpoint a client gets: one after the other, and with affinity the one that it had. Pure but for its memory.

import type { Endpoint, ServicePort } from '../table.ts'

/** An endpoint as a key: "10.244.1.2:8080". */
export const keyOf = ({ ip, port }: Pick<Endpoint, 'ip' | 'port'>) => `${ip}:${port}`

interface Stay {
  endpoint: string
  untilMs: number
}

export class RoundRobin {
  readonly #now: () => number
  #endpoints: readonly Endpoint[] = []
  #staySeconds: number | undefined
  /** Clients by address, those that came last at the end. */
  readonly #stays = new Map<string, Stay>()
  #next = 0

  constructor(now: () => number) {
    this.#now = now
  }

  /** Who serves from now on. Clients of those that stay keep them. */
  set(endpoints: readonly Endpoint[], { affinitySeconds }: Pick<ServicePort, 'affinitySeconds'>): void {
    this.#endpoints = endpoints
    this.#staySeconds = affinitySeconds
    if (affinitySeconds === undefined) this.#stays.clear()
  }

  /** All endpoints in the order in which they should be tried for this client. */
  order(client: string): Endpoint[] {
    const stay = this.#stays.get(client)
    const kept =
      stay !== undefined && stay.untilMs > this.#now()
        ? this.#endpoints.findIndex((endpoint) => keyOf(endpoint) === stay.endpoint)
        : -1
    const first = kept < 0 ? this.#next++ % Math.max(1, this.#endpoints.length) : kept
    return [...this.#endpoints.slice(first), ...this.#endpoints.slice(0, first)]
  }

  /** The client was sent to this endpoint, and stays with it for as long as the Service says. */
  remember(client: string, endpoint: Endpoint): void {
    if (this.#staySeconds === undefined) return
    const now = this.#now()
    this.#stays.delete(client)
    this.#stays.set(client, { endpoint: keyOf(endpoint), untilMs: now + this.#staySeconds * 1_000 })
    for (const [known, { untilMs }] of this.#stays) {
      if (untilMs > now) break
      this.#stays.delete(known)
    }
  }
}
