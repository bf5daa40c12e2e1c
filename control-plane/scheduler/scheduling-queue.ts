// The pods that wait for a node. A pod that did not fit is not tried again until something changes that might make room
// (wakeAll), and then not before its back-off is over, so that many such pods do not hold up the others.

import { Alarm } from '../../api/client/alarm.ts'

const baseBackoffMs = 1_000
const maxBackoffMs = 10_000

interface Waiting {
  priority: number
  attempts: number
  /** Not to be tried before; milliseconds of the monotonic clock. */
  notBeforeMs: number
  timer?: NodeJS.Timeout
}

export class SchedulingQueue {
  readonly #known = new Map<string, Waiting>()
  /** Keys to be tried: priority -> keys in order of arrival. */
  readonly #ready = new Map<number, Set<string>>()
  /** Keys that fit nowhere. */
  readonly #stuck = new Set<string>()
  readonly #alarm = new Alarm()

  /** A new or changed pod: it is tried soon, whatever its back-off. */
  add(key: string, priority: number): void {
    const waiting = this.#known.get(key)
    this.remove(key)
    this.#known.set(key, { priority, attempts: waiting?.attempts ?? 0, notBeforeMs: 0 })
    this.#makeReady(key)
  }

  /** The pod needs no node any more. */
  remove(key: string): void {
    const waiting = this.#known.get(key)
    if (waiting === undefined) return
    clearTimeout(waiting.timer)
    this.#ready.get(waiting.priority)?.delete(key)
    this.#stuck.delete(key)
    this.#known.delete(key)
  }

  /** The pod fits nowhere: it waits for wakeAll. */
  park(key: string): void {
    if (this.#backOff(key) !== undefined) this.#stuck.add(key)
  }

  /** Trying failed for a reason that time may mend: the pod comes back by itself. */
  retry(key: string): void {
    const waiting = this.#backOff(key)
    if (waiting !== undefined) this.#makeReadyLater(key, waiting)
  }

  /** Something changed that might make room for pods that fitted nowhere. */
  wakeAll(): void {
    for (const key of this.#stuck) {
      const waiting = this.#known.get(key)
      if (waiting !== undefined) this.#makeReadyLater(key, waiting)
    }
    this.#stuck.clear()
  }

  /** How many pods wait, in any way. */
  get size(): number {
    return this.#known.size
  }

  /** The next pod to try, of the highest priority; undefined when the signal aborts. It stays known until remove, park or retry. */
  async next(signal: AbortSignal): Promise<string | undefined> {
    while (!signal.aborted) {
      const key = this.#take()
      if (key !== undefined) return key
      await this.#alarm.wait(signal)
    }
    return undefined
  }

  /** Stops all timers. */
  close(): void {
    for (const key of [...this.#known.keys()]) this.remove(key)
  }

  #take(): string | undefined {
    const priorities = [...this.#ready.keys()].sort((a, b) => b - a)
    for (const priority of priorities) {
      const keys = this.#ready.get(priority)
      const { value } = keys?.values().next() ?? {}
      if (value !== undefined) keys?.delete(value)
      if (keys?.size === 0) this.#ready.delete(priority)
      if (value !== undefined) return value
    }
    return undefined
  }

  #backOff(key: string): Waiting | undefined {
    const waiting = this.#known.get(key)
    if (waiting === undefined) return undefined
    const delayMs = Math.min(baseBackoffMs * 2 ** waiting.attempts, maxBackoffMs)
    waiting.attempts++
    waiting.notBeforeMs = performance.now() + delayMs
    return waiting
  }

  #makeReadyLater(key: string, waiting: Waiting): void {
    const delayMs = waiting.notBeforeMs - performance.now()
    clearTimeout(waiting.timer)
    if (delayMs <= 0) this.#makeReady(key)
    else waiting.timer = setTimeout(() => this.#makeReady(key), delayMs).unref()
  }

  #makeReady(key: string): void {
    const priority = this.#known.get(key)?.priority ?? 0
    const keys = this.#ready.get(priority) ?? new Set()
    this.#ready.set(priority, keys.add(key))
    this.#alarm.wake()
  }
}
