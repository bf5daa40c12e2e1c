// Drives prober.py in the hosts of a topology: one process a host, that answers and asks for all cases.

import { type ChildProcessByStdio, spawn } from 'node:child_process'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Readable, Writable } from 'node:stream'
import type { Host } from '../support/namespaces.ts'

type AskProtocol = 'tcp' | 'udp' | 'sctp' | 'ping'

/** Whom to ask: [protocol, address, port]. */
export type Ask = readonly [AskProtocol, string, number]

/** Ports at which every pod answers. */
export const targetPorts = { tcp: 8080, udp: 5353, sctp: 9999 } as const

/** How many answers a host waits for at once, where nothing is said. */
export const defaultAtOnce = 96

/** The program lies beside this file, and beside the bundle that a guest gets. */
const program = join(import.meta.dirname, 'prober.py')

/** An open connection of a host: what is said on it comes back with the answerer's name, as from a new one. */
export interface OpenConnection {
  greeting: string
  /** The answer; "" when none came in time, "refused" or "reset" when the connection is dead. */
  say(): Promise<string>
  close(): Promise<void>
}

export class Prober {
  readonly #child: ChildProcessByStdio<Writable, Readable, null>
  readonly #waiting = new Map<number, PromiseWithResolvers<unknown>>()
  readonly #timeoutSeconds: number
  #lastId = 0

  private constructor(host: Host, name: string, timeoutSeconds: number, atOnce: number) {
    this.#timeoutSeconds = timeoutSeconds
    const words = ['python3', program, name, JSON.stringify(targetPorts), String(atOnce)]
    this.#child = spawn('nsenter', [`--net=${host.netns}`, ...words], { stdio: ['pipe', 'pipe', 'inherit'] })
    this.#child.on('exit', () => this.#failAll(new Error(`the prober of ${name} has ended`)))
    createInterface({ input: this.#child.stdout }).on('line', (line) => this.#take(line))
  }

  /** Starts answering in this host under this name. An ask without an answer takes the given time; so many are asked at once. */
  static async start(host: Host, name: string, timeoutSeconds: number, atOnce = defaultAtOnce): Promise<Prober> {
    const prober = new Prober(host, name, timeoutSeconds, atOnce)
    await prober.#expect(0)
    return prober
  }

  /** Asks all at once; answers are "<name> <address seen>", "refused" or "" when nothing came. Waits so many times as long as usual. */
  async ask(asks: readonly Ask[], patience = 1): Promise<string[]> {
    return (await this.#send({ do: 'ask', asks, timeout: this.#timeoutSeconds * patience })) as string[]
  }

  /** Opens a connection that stays open. UDP may ask for a port, so as to come again as the same client. */
  async open(to: Ask, sourcePort = 0): Promise<OpenConnection> {
    const connection = this.#lastId + 1
    const greeting = (await this.#send({ do: 'open', to, sourcePort })) as string
    return {
      greeting,
      say: async () => (await this.#send({ do: 'say', connection })) as string,
      close: async () => void (await this.#send({ do: 'close', connection })),
    }
  }

  close(): void {
    this.#child.kill('SIGKILL')
  }

  async #send(request: object): Promise<unknown> {
    const id = ++this.#lastId
    this.#child.stdin.write(`${JSON.stringify({ id, timeout: this.#timeoutSeconds, ...request })}\n`)
    return await this.#expect(id)
  }

  async #expect(id: number): Promise<unknown> {
    const waiting = Promise.withResolvers<unknown>()
    this.#waiting.set(id, waiting)
    return await waiting.promise
  }

  #take(line: string): void {
    const { id, result, error }: { id: number; result?: unknown; error?: string } = JSON.parse(line)
    const waiting = this.#waiting.get(id)
    this.#waiting.delete(id)
    if (error === undefined) waiting?.resolve(result)
    else waiting?.reject(new Error(error))
  }

  #failAll(error: Error): void {
    for (const { reject } of this.#waiting.values()) reject(error)
    this.#waiting.clear()
  }
}
