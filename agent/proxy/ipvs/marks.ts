// Firewall marks of Service ports, for virtual servers that are found by mark and not by address.

import { setName } from './sets.ts'

/** The bits of a packet's mark that are ours. */
export const markMask = '0xffff0000'

const step = 0x10000
const count = 0xffff

/** Hands out marks; a Service port keeps its own until its Service is gone, and over restarts. */
export class Marks {
  readonly #byId = new Map<string, number>()
  readonly #used = new Set<number>()
  /** Service -> ids of its ports that have marks. */
  readonly #ids = new Map<string, Set<string>>()
  #last = 0

  /** Takes over what an earlier life wrote into the sets. */
  adopt(elements: ReadonlyMap<string, string>): void {
    for (const [id, mark] of marksOf(elements)) {
      if (this.#used.has(mark)) continue
      this.#byId.set(id, mark)
      this.#used.add(mark)
    }
  }

  /** The mark of a port of this Service. */
  of(service: string, id: string): number {
    const mark = this.#byId.get(id) ?? this.#nextFree()
    this.#byId.set(id, mark)
    this.#used.add(mark)
    const ids = this.#ids.get(service) ?? new Set()
    this.#ids.set(service, ids.add(id))
    return mark
  }

  /** The Service is gone: its marks are free. */
  release(service: string): void {
    for (const id of this.#ids.get(service) ?? []) {
      this.#used.delete(this.#byId.get(id) ?? 0)
      this.#byId.delete(id)
    }
    this.#ids.delete(service)
  }

  #nextFree(): number {
    for (let tried = 0; tried < count; tried++) {
      this.#last = (this.#last % count) + 1
      if (!this.#used.has(this.#last * step)) return this.#last * step
    }
    throw new Error(`more than ${count} Service ports with externalTrafficPolicy Local`)
  }
}

/** Marks by Service port, as elements of the sets have them. */
export function marksOf(elements: ReadonlyMap<string, string>): Map<string, number> {
  const prefixes = [setName('ipv4', 'IPVS-INTERNAL'), setName('ipv6', 'IPVS-INTERNAL')]
  const marks = new Map<string, number>()
  for (const [key, rest] of elements) {
    if (!prefixes.some((prefix) => key.startsWith(`${prefix} `))) continue
    const [, id, mark] = /comment "(.*)" skbmark (0x[0-9a-f]+)/.exec(rest) ?? []
    if (id !== undefined && mark !== undefined) marks.set(id, Number(mark))
  }
  return marks
}
