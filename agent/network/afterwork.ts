// Work that nobody waits for: what comes within a moment is done together.

/** How long the first waits for company. */
const gatherMs = 200

export class Afterwork {
  readonly #onError: (error: unknown) => void
  #waiting: { topic: string; work: () => Promise<void> }[] = []
  #done: Promise<void> = Promise.resolve()

  /** onError is told of work that failed; nobody else is. */
  constructor(onError: (error: unknown) => void) {
    this.#onError = onError
  }

  /** Does the work in a moment. */
  add(topic: string, work: () => Promise<void>): void {
    this.#waiting.push({ topic, work })
    if (this.#waiting.length === 1) setTimeout(() => this.#start(), gatherMs)
  }

  /** Whether work for the topic has not begun. */
  isWaiting(topic: string): boolean {
    return this.#waiting.some((each) => each.topic === topic)
  }

  /** Begins what waits, and resolves when all is done. */
  async settled(): Promise<void> {
    this.#start()
    await this.#done
  }

  #start(): void {
    const works = this.#waiting.map(({ work }) => work().catch(this.#onError))
    this.#waiting = []
    this.#done = Promise.all([this.#done, ...works]).then(() => undefined)
  }
}
