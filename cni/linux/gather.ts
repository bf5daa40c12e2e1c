// What is asked for while a program runs waits, and goes into one next run together: a hundred pods at once start a handful
// of programs, and one pod alone waits for nobody.

/** Does all items in one go; the result has a place for each: its error, or undefined. */
export type RunAll<T> = (items: readonly T[]) => Promise<readonly unknown[]>

export class Gatherer<T> {
  readonly #runAll: RunAll<T>
  #waiting: { item: T; settle: (error: unknown) => void }[] = []
  #isRunning = false

  constructor(runAll: RunAll<T>) {
    this.#runAll = runAll
  }

  /** Resolves when the item is done; rejects with its own error. */
  submit(item: T): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    this.#waiting.push({ item, settle: (error) => (error === undefined ? resolve() : reject(error)) })
    if (!this.#isRunning) void this.#drain()
    return promise
  }

  async #drain(): Promise<void> {
    this.#isRunning = true
    while (this.#waiting.length > 0) {
      const batch = this.#waiting
      this.#waiting = []
      const errors = await this.#runAll(batch.map(({ item }) => item)).catch((error: unknown) => batch.map(() => error))
      for (const [index, { settle }] of batch.entries()) settle(errors[index])
    }
    this.#isRunning = false
  }
}
