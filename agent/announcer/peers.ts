// Which other nodes live, as this node sees it. The question is a TCP connection to the agent's port, and any answer counts, a
// refusal too: a kernel that answers still holds its addresses, whether its agent runs or not. So an agent may be restarted
// without an address moving, and the control plane is not asked at all.

import { connect } from 'node:net'

export interface PeersOptions {
  /** Where a node is asked: its own address and its agent's port. Undefined: unknown, taken as dead. */
  addressOf(node: string): { host: string; port: number } | undefined
  onDeath(node: string): void
  onReturn(node: string): void
}

/** Two questions in a row without an answer are a death: found out within 2 * (interval + patience) = 1.2 s. */
const intervalMs = 300
const patienceMs = 300
const deadAfter = 2

export class Peers {
  readonly #options: PeersOptions
  /** Node -> questions without an answer since the last one. */
  readonly #misses = new Map<string, number>()
  readonly #timers = new Map<string, NodeJS.Timeout>()

  constructor(options: PeersOptions) {
    this.#options = options
  }

  /** A node that was not asked yet counts as alive: to take an address too late is better than to take it twice. */
  isAlive = (node: string): boolean => (this.#misses.get(node) ?? 0) < deadAfter

  /** Asks these nodes from now on, and no others. */
  watch(nodes: ReadonlySet<string>): void {
    for (const [node, timer] of this.#timers) {
      if (nodes.has(node)) continue
      clearTimeout(timer)
      this.#timers.delete(node)
      this.#misses.delete(node)
    }
    for (const node of nodes) if (!this.#timers.has(node)) this.#schedule(node, 0)
  }

  close(): void {
    this.watch(new Set())
  }

  #schedule(node: string, delayMs: number): void {
    const timer = setTimeout(() => {
      void this.#ask(node).then((answered) => {
        // Forgotten, or watched anew, while the question was out.
        if (this.#timers.get(node) !== timer) return
        this.#schedule(node, intervalMs)
        this.#note(node, answered)
      })
    }, delayMs)
    this.#timers.set(node, timer)
  }

  #note(node: string, answered: boolean): void {
    const wasAlive = this.isAlive(node)
    this.#misses.set(node, answered ? 0 : (this.#misses.get(node) ?? 0) + 1)
    if (this.isAlive(node) === wasAlive) return
    if (wasAlive) this.#options.onDeath(node)
    else this.#options.onReturn(node)
  }

  async #ask(node: string): Promise<boolean> {
    const target = this.#options.addressOf(node)
    if (target === undefined) return false
    return await new Promise((resolve) => {
      const socket = connect(target)
      const finish = (answered: boolean) => {
        clearTimeout(timer)
        socket.destroy()
        resolve(answered)
      }
      const timer = setTimeout(finish, patienceMs, false)
      socket.once('connect', () => finish(true))
      socket.once('error', (error) => finish('code' in error && error.code === 'ECONNREFUSED'))
    })
  }
}
