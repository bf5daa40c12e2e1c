// What the rules send connections to: a socket on this node that takes clients and passes on what they say.

import type { Endpoint, ServicePort } from '../table.ts'

/** Who serves a relay's clients. */
export interface RelayTargets extends Pick<ServicePort, 'affinitySeconds'> {
  /** They get new clients, by turns. */
  serving: readonly Endpoint[]
  /** They get none, but keep those that they have. */
  draining: readonly Endpoint[]
}

export interface Relay {
  /** The port that it listens on. */
  readonly port: number
  /** From now on these serve. Connections to others end. */
  set(targets: RelayTargets): void
  /** Ends all connections and stops listening. */
  close(): void
}

export interface RelayOptions {
  /** The node's address that it listens on. */
  host: string
  now: () => number
  onError: (error: unknown) => void
}
