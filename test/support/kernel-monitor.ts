// What the kernel tells of changes in a namespace: of nftables (rules of iptables' nft variant among them), of links, addresses,
// routes.

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { setTimeout as pause } from 'node:timers/promises'
import { run } from '../../cni/linux/exec.ts'
import type { Host } from './namespaces.ts'

/** Programs that print what they are told of; a batch for each that makes something of this name and takes it away again. */
const sources = {
  nft: {
    monitor: ['monitor'],
    batch: ['-f', '-'],
    poke: (name: string) => `add table inet ${name}\ndelete table inet ${name}\n`,
  },
  ip: {
    monitor: ['-o', 'monitor', 'link', 'address', 'route', 'rule'],
    batch: ['-batch', '-'],
    poke: (name: string) => `link add ${name} type bridge\nlink del ${name}\n`,
  },
} as const

type Source = keyof typeof sources

export class KernelMonitor {
  readonly #listeners: readonly Listener[]

  private constructor(listeners: readonly Listener[]) {
    this.#listeners = listeners
  }

  /** Resolves once it hears. */
  static async start(host: Host, ...programs: Source[]): Promise<KernelMonitor> {
    const monitor = new KernelMonitor(programs.map((program) => new Listener(host, program)))
    try {
      for (const listener of monitor.#listeners) await listener.start()
    } catch (error) {
      await monitor.close()
      throw error
    }
    return monitor
  }

  /** What changed since it was asked last: a line for each change, in their order, one program's after another's. */
  async take(): Promise<string[]> {
    const lines: string[] = []
    for (const listener of this.#listeners) lines.push(...(await listener.take()))
    return lines
  }

  async close(): Promise<void> {
    await Promise.all(this.#listeners.map((listener) => listener.close()))
  }
}

/** One of the programs. */
class Listener {
  readonly #host: Host
  readonly #program: Source
  readonly #child: ChildProcess
  readonly #lines: AsyncIterator<string>
  #marks = 0

  constructor(host: Host, program: Source) {
    this.#host = host
    this.#program = program
    const words = [`--net=${host.netns}`, program, ...sources[program].monitor]
    const child = spawn('nsenter', words, { stdio: ['ignore', 'pipe', 'inherit'] })
    this.#child = child
    this.#lines = createInterface(child.stdout)[Symbol.asyncIterator]()
  }

  /** Nothing says that the program has begun to listen, but that it has heard. */
  async start(): Promise<void> {
    let hears = false
    const first = this.#next().then(() => {
      hears = true
    })
    while (!hears) await Promise.race([first, this.#mark().then(() => pause(20))])
    await this.take()
  }

  async take(): Promise<string[]> {
    const mark = await this.#mark()
    const lines: string[] = []
    do lines.push(await this.#next())
    while (!isEnd(lines.at(-1) ?? '', mark))
    return lines.filter((line) => line !== '' && !line.startsWith('# ') && !/\bmark\d/.test(line))
  }

  async close(): Promise<void> {
    this.#child.kill()
    if (this.#child.exitCode === null && this.#child.signalCode === null) await once(this.#child, 'exit')
  }

  /** Throws when the program has ended. */
  async #next(): Promise<string> {
    const { value, done } = await this.#lines.next()
    if (done === true) throw new Error(`${this.#program} monitor has ended`)
    return value
  }

  /** The kernel tells in order: what it told before a mark happened before it. */
  async #mark(): Promise<string> {
    const mark = `mark${++this.#marks}`
    const { batch, poke } = sources[this.#program]
    await run(this.#program, batch, { ...this.#host, input: poke(mark) })
    return mark
  }
}

/** "delete table inet mark1", "Deleted 3: mark1: ..." */
const isEnd = (line: string, mark: string) => /^delete/i.test(line) && new RegExp(`\\b${mark}\\b`).test(line)
