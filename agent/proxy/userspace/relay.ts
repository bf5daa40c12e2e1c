// What the rules send connections to: a socket on this node that takes clients and passes on what they say.

import { isNativeError } from 'node:util/types'
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
  /** The port that it takes if it is free; else, and when absent, any. */
  port?: number | undefined
  now: () => number
  onError: (error: unknown) => void
}

/** Listens at the port, or at any that is free when somebody else has it. */
export async function listenAtFree(port: number | undefined, listen: (port: number) => Promise<void>): Promise<void> {
  if (port === undefined) return await listen(0)
  try {
    await listen(port)
  } catch (error) {
    if (!isTaken(error)) throw error
    await listen(0)
  }
}

function isTaken(error: unknown): boolean {
  return isNativeError(error) && 'code' in error && error.code === 'EADDRINUSE'
}
