/** Counts users of things that several have in common. */
export class Counter {
  readonly #users = new Map<string, number>()

  /** Which names are used now that were not, and the other way round. */
  change(before: readonly string[], after: readonly string[]): { added: string[]; removed: string[] } {
    const names = new Set([...before, ...after])
    const used = new Map([...names].map((name) => [name, this.#users.has(name)]))
    for (const name of after) this.#users.set(name, (this.#users.get(name) ?? 0) + 1)
    for (const name of before) this.#users.set(name, (this.#users.get(name) ?? 0) - 1)
    for (const name of names) if (this.#users.get(name) === 0) this.#users.delete(name)
    return {
      added: [...names].filter((name) => this.#users.has(name) && used.get(name) === false),
      removed: [...names].filter((name) => !this.#users.has(name) && used.get(name) === true),
    }
  }

  keys(): Iterable<string> {
    return this.#users.keys()
  }
}
