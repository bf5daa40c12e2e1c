// Work that nobody waits for: what comes within a moment is done together.

/** How long the first waits for company. */
const gatherMs = 200

interface Task {
  topic: string
  work: () => Promise<void>
}

export class Afterwork {
  readonly #onError: (error: unknown) => void
  #waiting: Task[] = []
  /** All that is not done: what waits, and what has begun. */
  readonly #pending = new Set<Task>()
  #done: Promise<void> = Promise.resolve()

  /** onError is told of work that failed; nobody else is. */
  constructor(onError: (error: unknown) => void) {
    this.#onError = onError
  }

  /** Does the work in a moment. */
  add(topic: string, work: () => Promise<void>): void {
    const task = { topic, work }
    this.#pending.add(task)
    this.#waiting.push(task)
    if (this.#waiting.length === 1) setTimeout(() => this.#start(), gatherMs)
  }

  /** The topics of work that is not done. */
  pendingTopics(): Set<string> {
    return new Set([...this.#pending].map(({ topic }) => topic))
  }

  /** Begins what waits, and resolves when all is done. */
  async settled(): Promise<void> {
    this.#start()
    await this.#done
  }

  #start(): void {
    const runs = this.#waiting.map((task) => this.#run(task))
    this.#waiting = []
    this.#done = Promise.all([this.#done, ...runs]).then(() => undefined)
  }

  async #run(task: Task): Promise<void> {
    try {
      await task.work()
    } catch (error) {
      this.#onError(error)
    } finally {
      this.#pending.delete(task)
    }
  }
}
