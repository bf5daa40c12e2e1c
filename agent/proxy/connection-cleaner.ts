// Deletes the connection tracking entries that a change of the table makes stale: acts on what stale-connections.ts decides.

import { networkInterfaces } from 'node:os'
import { deleteAllConnections, listAllConnections } from '../../cni/linux/conntrack.ts'
import type { BackendOptions, ProxyBackend, ServiceChanges } from './backend.ts'
import { type Flow, findStale, findSuspects, parseFlow } from './stale-connections.ts'
import type { ServicePort } from './table.ts'

type Options = Pick<BackendOptions, 'netns' | 'nodeIps'>

export class ConnectionCleaner {
  readonly #options: Options
  readonly #backend: Pick<ProxyBackend, 'targetsOf'>
  /** What the backend was told last. */
  readonly #applied = new Map<string, readonly ServicePort[]>()

  constructor(options: Options, backend: Pick<ProxyBackend, 'targetsOf'> = {}) {
    this.#options = options
    this.#backend = backend
  }

  /**
   * To be called after the rules are in, or a packet in between would bring the stale entry back. Reads the entries once for
   * all changes, and only when one of them can have made entries stale; deletes in one batch.
   */
  async clean(changes: ServiceChanges): Promise<void> {
    const suspects = [...changes].flatMap(([key, ports]) => findSuspects(this.#applied.get(key) ?? [], ports))
    const ports = suspects.flatMap(({ old, now }) => [old ?? now].filter((port) => port !== undefined))
    const kinds = new Set(ports.map(({ family, protocol }) => `-f ${family} -p ${protocol}`))
    const lists = [...kinds].map((kind) => listAllConnections(kind.split(' '), this.#where))
    const flows = (await Promise.all(lists)).flat().flatMap((line) => parseFlow(line) ?? [])
    const isLocal = this.#isLocal()
    const targetsOf = (port: ServicePort) => this.#backend.targetsOf?.(port) ?? []
    const selections = new Set(findStale(flows, suspects, { isLocal, targetsOf }).map(toSelection))
    if (selections.size > 0) await deleteAllConnections([...selections], this.#where)
    for (const [key, now] of changes) {
      if (now.length === 0) this.#applied.delete(key)
      else this.#applied.set(key, now)
    }
  }

  get #where(): { netns?: string } {
    return this.#options.netns === undefined ? {} : { netns: this.#options.netns }
  }

  /** Whether an address is the node's own: by it, node ports are asked. */
  #isLocal(): (ip: string) => boolean {
    const seen = this.#options.netns === undefined ? Object.values(networkInterfaces()).flat() : []
    const own = new Set([...(this.#options.nodeIps ?? []), ...seen.map((each) => each?.address)])
    return (ip) => own.has(ip)
  }
}

/** All entries that lead the same way: there may be thousands of clients. */
function toSelection({ family, protocol, asked, answering }: Flow): string {
  return `-f ${family} -p ${protocol} --orig-dst ${asked.ip} --orig-port-dst ${asked.port} --reply-src ${answering.ip} --reply-port-src ${answering.port}`
}
