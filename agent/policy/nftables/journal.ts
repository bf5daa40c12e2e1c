// Remembers what there was before of everything that is being changed, so that old and new can be compared without looking
// at what nobody touched.

import { type Content, emptyContent } from './content.ts'

export class Journal {
  readonly #lines = {
    chains: new Map<string, string[] | undefined>(),
    declared: new Map<string, string[] | undefined>(),
  }
  readonly #elements = new Map<string, Map<string, string | undefined>>()

  /** A chain or a declaration is about to change. */
  noteLines(kind: 'chains' | 'declared', name: string, content: Content): void {
    if (!this.#lines[kind].has(name)) this.#lines[kind].set(name, content[kind].get(name))
  }

  /** An element is about to change. */
  noteElement(set: string, element: string, content: Content): void {
    const noted = this.#elements.get(set) ?? new Map<string, string | undefined>()
    if (!noted.has(element)) noted.set(element, content.elements.get(set)?.get(element))
    this.#elements.set(set, noted)
  }

  /** What was noted, as it was. */
  before(): Content {
    return this.#collect(
      (kind, name) => this.#lines[kind].get(name),
      (set, element) => this.#elements.get(set)?.get(element),
    )
  }

  /** What was noted, as it is in this content. */
  after(content: Content): Content {
    return this.#collect(
      (kind, name) => content[kind].get(name),
      (set, element) => content.elements.get(set)?.get(element),
    )
  }

  #collect(
    linesOf: (kind: 'chains' | 'declared', name: string) => string[] | undefined,
    verdictOf: (set: string, element: string) => string | undefined,
  ): Content {
    const collected = emptyContent()
    for (const kind of ['chains', 'declared'] as const)
      for (const name of this.#lines[kind].keys()) {
        const lines = linesOf(kind, name)
        if (lines !== undefined) collected[kind].set(name, lines)
      }
    for (const [set, noted] of this.#elements) {
      const elements = [...noted.keys()].flatMap((element): [string, string][] => {
        const verdict = verdictOf(set, element)
        return verdict === undefined ? [] : [[element, verdict]]
      })
      collected.elements.set(set, new Map(elements))
    }
    return collected
  }
}
