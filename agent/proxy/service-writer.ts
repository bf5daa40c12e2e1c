// Writes changes of Services through a backend so that a Service that the kernel's tools refuse holds back no other. Backends
// write all that they want in one go: what one refused Service wants would fail every later call.

import type { ProxyBackend, ServiceChanges } from './backend.ts'
import type { ServicePort } from './table.ts'

type Change = readonly [serviceKey: string, ports: readonly ServicePort[]]

export interface WriteResult {
  /** What the kernel holds now. What is neither here nor refused was not tried. */
  written: ServiceChanges
  /** Why, by Service key. What such a Service had before is still served. */
  refused: ReadonlyMap<string, unknown>
}

/** Refusals of one call: where all are refused, looking for the one to blame must end. */
const maxRefused = 10

export class ServiceWriter {
  readonly #backend: Pick<ProxyBackend, 'apply'>
  /** What the kernel holds, by Service key; undefined until a first write has succeeded. */
  #held: Map<string, readonly ServicePort[]> | undefined
  /** Refused when they were last tried. They are tried after all others, so that they cost those nothing. */
  readonly #refused = new Set<string>()

  constructor(backend: Pick<ProxyBackend, 'apply'>) {
    this.#backend = backend
  }

  /**
   * Writes together what can be, and finds by halves what is refused. Throws when nothing is to be blamed on a Service; all
   * may be repeated then. So does the first write whatever is refused: a backend takes Services that it was not told of for
   * nobody's, and to leave one half out would cut that half's connections.
   */
  async write(changes: ServiceChanges): Promise<WriteResult> {
    const result = { written: new Map<string, readonly ServicePort[]>(), refused: new Map<string, unknown>() }
    if (this.#held === undefined) {
      if (changes.size > 0) await this.#backend.apply(changes)
      this.#held = new Map()
      this.#note([...changes], result.written)
      return result
    }
    const tried = [...changes].filter(([key]) => !this.#refused.has(key))
    const again = [...this.#refused].flatMap((key): Change[] => {
      const ports = changes.get(key)
      return ports === undefined ? [] : [[key, ports]]
    })
    for (const part of [tried, again]) await this.#writePart(part, this.#held, result)
    return result
  }

  async #writePart(
    part: readonly Change[],
    held: ReadonlyMap<string, readonly ServicePort[]>,
    { written, refused }: { written: Map<string, readonly ServicePort[]>; refused: Map<string, unknown> },
  ): Promise<void> {
    const [first] = part
    if (first === undefined || refused.size >= maxRefused) return
    try {
      await this.#backend.apply(new Map(part))
      this.#note(part, written)
    } catch (error) {
      await this.#takeBack(part, held, error)
      if (part.length === 1) this.#refuse(first[0], error, refused)
      const middle = Math.ceil(part.length / 2)
      if (part.length > 1)
        for (const half of [part.slice(0, middle), part.slice(middle)])
          await this.#writePart(half, held, { written, refused })
    }
  }

  /** Has the backend want what the kernel holds. If that fails too, the error is none of a Service. */
  async #takeBack(
    part: readonly Change[],
    held: ReadonlyMap<string, readonly ServicePort[]>,
    error: unknown,
  ): Promise<void> {
    try {
      await this.#backend.apply(new Map(part.map(([key]) => [key, held.get(key) ?? []])))
    } catch {
      throw error
    }
  }

  #note(part: readonly Change[], written: Map<string, readonly ServicePort[]>): void {
    for (const [key, ports] of part) {
      written.set(key, ports)
      this.#refused.delete(key)
      if (ports.length === 0) this.#held?.delete(key)
      else this.#held?.set(key, ports)
    }
  }

  /** Goes to the end: none waits for ever for those before it. */
  #refuse(key: string, error: unknown, refused: Map<string, unknown>): void {
    refused.set(key, error)
    this.#refused.delete(key)
    this.#refused.add(key)
  }
}
