// What the kernel tells of changes to a namespace's nftables, rules of iptables' nft variant among them.

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { setTimeout as pause } from 'node:timers/promises'
import { run } from '../../cni/linux/exec.ts'
import type { Host } from './namespaces.ts'

export class NftMonitor {
  readonly #host: Host
  readonly #child: ChildProcess
  readonly #lines: string[] = []
  #marks = 0

  private constructor(host: Host) {
    this.#host = host
    const child = spawn('nsenter', [`--net=${host.netns}`, 'nft', 'monitor'], { stdio: ['ignore', 'pipe', 'inherit'] })
    createInterface(child.stdout).on('line', (line) => this.#lines.push(line))
    this.#child = child
  }

  /** Resolves once it hears. */
  static async start(host: Host): Promise<NftMonitor> {
    const monitor = new NftMonitor(host)
    while (monitor.#lines.length === 0) {
      await monitor.#mark()
      await pause(20)
    }
    await monitor.take()
    return monitor
  }

  /** What changed since it was asked last: a line for each element, chain and rule, in the order of the changes. */
  async take(): Promise<string[]> {
    const mark = await this.#mark()
    let at = -1
    while (at === -1) {
      if (this.#child.exitCode !== null) throw new Error('nft monitor has ended')
      await pause(5)
      at = this.#lines.indexOf(`delete table inet ${mark}`)
    }
    const lines = this.#lines.splice(0, at + 1)
    return lines.filter((line) => !line.startsWith('# ') && !line.includes('table inet mark'))
  }

  async close(): Promise<void> {
    this.#child.kill()
    if (this.#child.exitCode === null && this.#child.signalCode === null) await once(this.#child, 'exit')
  }

  /** The kernel tells in order: what it told before a mark happened before it. */
  async #mark(): Promise<string> {
    const mark = `mark${++this.#marks}`
    await run('nft', [`add table inet ${mark}; delete table inet ${mark}`], this.#host)
    return mark
  }
}
