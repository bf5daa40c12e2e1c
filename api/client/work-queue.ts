// A queue of keys for reconcilers. Promises: a key that waits is in the queue once, however often it is added; a key
// is never worked on twice at a time; a key added while it is worked on comes again afterwards; a key that failed
// comes back with growing delay until it succeeds.

import { Alarm, longestDelayMs } from './alarm.ts'

export interface WorkQueueOptions {
  /** How many keys are worked on at once. */
  workers?: number
  /** First delay after a failure; doubles with each. */
  baseDelayMs?: number
  maxDelayMs?: number
  /** Told of every failure, before the key is put back. */
  onError: (error: unknown, key: string) => void
}

export class WorkQueue {
  readonly #reconcile: (key: string, signal: AbortSignal) => Promise<void>
  readonly #options: Required<WorkQueueOptions>
  /** Keys to be worked on, oldest first. */
  readonly #waiting = new Set<string>()
  readonly #active = new Set<string>()
  /** Keys added while active. */
  readonly #again = new Set<string>()
  readonly #failures = new Map<string, number>()
  /** Timers of delayed keys; a key has at most one, the earliest asked for. */
  readonly #delayed = new Map<string, { timer: NodeJS.Timeout; dueMs: number }>()
  readonly #alarm = new Alarm()

  constructor(reconcile: (key: string, signal: AbortSignal) => Promise<void>, options: WorkQueueOptions) {
    this.#reconcile = reconcile
    this.#options = { workers: 4, baseDelayMs: 10, maxDelayMs: 60_000, ...options }
  }

  /** Asks for the key to be reconciled soon. May be called before and during run. */
  add(key: string): void {
    if (this.#active.has(key)) this.#again.add(key)
    else this.#waiting.add(key)
    this.#alarm.wake()
  }

  /** Asks for the key to be reconciled after a delay; of several calls the earliest counts. */
  addAfter(key: string, delayMs: number): void {
    if (delayMs <= 0) {
      this.add(key)
      return
    }
    const dueMs = performance.now() + delayMs
    const earlier = this.#delayed.get(key)
    if (earlier !== undefined && earlier.dueMs <= dueMs) return
    clearTimeout(earlier?.timer)
    const timer = setTimeout(
      () => {
        this.#delayed.delete(key)
        this.add(key)
      },
      Math.min(delayMs, longestDelayMs),
    )
    timer.unref()
    this.#delayed.set(key, { timer, dueMs })
  }

  /** Number of keys that wait or are worked on; delayed ones do not count. */
  get size(): number {
    return this.#waiting.size + this.#active.size + this.#again.size
  }

  /** Works until the signal aborts, then waits for reconciles under way. */
  async run(signal: AbortSignal): Promise<void> {
    const running = new Set<Promise<void>>()
    while (!signal.aborted) {
      const key = running.size < this.#options.workers ? this.#take() : undefined
      if (key === undefined) {
        await this.#alarm.wait(signal)
        continue
      }
      const work = this.#work(key, signal).finally(() => {
        running.delete(work)
        this.#alarm.wake()
      })
      running.add(work)
    }
    for (const { timer } of this.#delayed.values()) clearTimeout(timer)
    this.#delayed.clear()
    await Promise.all(running)
  }

  #take(): string | undefined {
    const { value } = this.#waiting.values().next()
    if (value !== undefined) this.#waiting.delete(value)
    return value
  }

  async #work(key: string, signal: AbortSignal): Promise<void> {
    this.#active.add(key)
    try {
      await this.#reconcile(key, signal)
      this.#failures.delete(key)
    } catch (error) {
      if (!signal.aborted) this.#retry(key, error)
    } finally {
      this.#active.delete(key)
      if (this.#again.delete(key)) this.#waiting.add(key)
    }
  }

  #retry(key: string, error: unknown): void {
    const failures = this.#failures.get(key) ?? 0
    this.#failures.set(key, failures + 1)
    this.#options.onError(error, key)
    this.addAfter(key, Math.min(this.#options.baseDelayMs * 2 ** failures, this.#options.maxDelayMs))
  }
}
