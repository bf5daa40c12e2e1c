// Deletes the connection tracking entries that a change of the table makes stale: acts on what stale-connections.ts decides.

import { deleteConnections } from '../../cni/linux/conntrack.ts'
import type { BackendOptions, ServiceChanges } from './backend.ts'
import { planStaleConnections } from './stale-connections.ts'
import type { ServicePort } from './table.ts'

export class ConnectionCleaner {
  readonly #options: Pick<BackendOptions, 'netns'>
  /** What the backend was told last. */
  readonly #applied = new Map<string, readonly ServicePort[]>()

  constructor(options: Pick<BackendOptions, 'netns'>) {
    this.#options = options
  }

  /** To be called after the rules are in, or a packet in between would bring the stale entry back. */
  async clean(changes: ServiceChanges): Promise<void> {
    for (const [key, ports] of changes) {
      for (const selection of planStaleConnections(this.#applied.get(key) ?? [], ports))
        await deleteConnections(selection, this.#options)
      if (ports.length === 0) this.#applied.delete(key)
      else this.#applied.set(key, ports)
    }
  }
}
