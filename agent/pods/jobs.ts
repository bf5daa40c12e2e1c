// Work that runs side by side, one at a time under each key.

export interface JobEvents {
  /** Milliseconds since the epoch. */
  now: () => number
  /** Told of a failure; returns when work under that key may begin again, in milliseconds since the epoch. */
  onFailure: (key: string, error: unknown) => number
  /** Something has ended, well or not. */
  onEnd: () => void
}

export class Jobs {
  readonly #events: JobEvents
  readonly #running = new Map<string, Promise<void>>()
  readonly #notBefore = new Map<string, number>()

  constructor(events: JobEvents) {
    this.#events = events
  }

  get running(): ReadonlySet<string> {
    return new Set(this.#running.keys())
  }

  /** By key: the time before which nothing begins under it. */
  get notBeforeMs(): ReadonlyMap<string, number> {
    return this.#notBefore
  }

  /** Begins the work, unless some runs under that key or it is too early. */
  start(key: string, work: () => Promise<void>): void {
    if (this.#running.has(key) || (this.#notBefore.get(key) ?? 0) > this.#events.now()) return
    const job = work()
      .then(
        () => void this.#notBefore.delete(key),
        (error: unknown) => this.postpone(key, this.#events.onFailure(key, error)),
      )
      .finally(() => {
        this.#running.delete(key)
        this.#events.onEnd()
      })
    this.#running.set(key, job)
  }

  /** Lets nothing begin under that key before then. */
  postpone(key: string, untilMs: number): void {
    this.#notBefore.set(key, untilMs)
  }

  /** Resolves when what runs now has ended. */
  async settled(): Promise<void> {
    await Promise.all(this.#running.values())
  }
}
