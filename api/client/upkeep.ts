// Keeps one whole thing as it is wanted, where a WorkQueue keeps many by their keys. A wake, and what else comes within a few
// milliseconds, is one sync. A sync that failed comes again. However many wakes come, every minute one is a resync, which
// also looks for what somebody else did meanwhile.

import { Alarm, pause } from './alarm.ts'
import { Turns } from './turns.ts'

export interface UpkeepOptions {
  /** Makes it as it is wanted now. A resync stays due until one has succeeded. */
  sync: (isResync: boolean, signal: AbortSignal) => Promise<void>
  /** Told of every failure, before the next attempt; that a sync was ended with run is none. */
  onError: (error: unknown) => void
  /** How long wakes are collected: changes of a rollout come in bursts. */
  collectMs?: number
  /** How long after a failure the next attempt begins, whatever wakes. */
  retryMs?: number
  /** How long after the start, and after each resync, the next one is due. */
  resyncMs?: number
}

const dueNow = 0

export class Upkeep {
  readonly #options: Required<UpkeepOptions>
  readonly #alarm = new Alarm()
  readonly #turns = new Turns()
  /** As performance.now() counts. */
  #resyncAtMs = Number.POSITIVE_INFINITY

  constructor(options: UpkeepOptions) {
    this.#options = { collectMs: 5, retryMs: 1_000, resyncMs: 60_000, ...options }
  }

  /** Something has changed. May be called before and during run. */
  wake(): void {
    this.#alarm.wake()
  }

  /** Somebody else has changed it: the next sync is a resync, and comes now. */
  resync(): void {
    this.#resyncAtMs = dueNow
    this.#alarm.wake()
  }

  /** Syncs once, and then whenever it must, until the signal aborts; waits for a sync under way. */
  async run(signal: AbortSignal): Promise<void> {
    const { onError, collectMs, retryMs, resyncMs } = this.#options
    this.#resyncAtMs = Math.min(this.#resyncAtMs, performance.now() + resyncMs)
    for (;;) {
      await pause(collectMs, signal)
      if (signal.aborted) return
      try {
        await this.exclusively(() => this.#sync(signal))
        await this.#alarm.wait(signal, Math.max(0, this.#resyncAtMs - performance.now()))
      } catch (error) {
        if (signal.aborted) return
        onError(error)
        await pause(retryMs, signal)
      }
    }
  }

  async #sync(signal: AbortSignal): Promise<void> {
    const { sync, resyncMs } = this.#options
    this.#alarm.reset()
    const isResync = performance.now() >= this.#resyncAtMs
    // Before it begins: who asks for another meanwhile gets another.
    if (isResync) this.#resyncAtMs = Number.POSITIVE_INFINITY
    try {
      await sync(isResync, signal)
    } catch (error) {
      if (isResync) this.#resyncAtMs = dueNow
      throw error
    }
    this.#resyncAtMs = Math.min(this.#resyncAtMs, performance.now() + resyncMs)
  }

  /** Calls something that must meet neither a sync nor another such call. */
  async exclusively<T>(call: () => Promise<T>): Promise<T> {
    return await this.#turns.take(call)
  }
}
