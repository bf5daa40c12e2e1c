// What several owners may want at once, such as an address that two Services share: it stays until the last one lets go.

/** Keys with a value for each owner; the value of the owner that came first holds. */
export class Claims<Value> {
  readonly #byKey = new Map<string, Map<string, Value>>()

  claim(owner: string, key: string, value: Value): void {
    const owners = this.#byKey.get(key)
    if (owners === undefined) this.#byKey.set(key, new Map([[owner, value]]))
    else owners.set(owner, value)
  }

  release(owner: string, key: string): void {
    const owners = this.#byKey.get(key)
    owners?.delete(owner)
    if (owners?.size === 0) this.#byKey.delete(key)
  }

  get(key: string): Value | undefined {
    return this.#byKey.get(key)?.values().next().value
  }

  has(key: string): boolean {
    return this.#byKey.has(key)
  }

  keys(): Iterable<string> {
    return this.#byKey.keys()
  }
}
