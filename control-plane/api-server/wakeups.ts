// What may wake a watch from its sleep: a change of the cache, a bookmark that is due, the end.

import type { WatchCache } from './watch-cache.ts'

/** Lets one watch sleep until there is something to do; news that come while it works are not lost. */
export class Wakeups {
  readonly #signal: AbortSignal
  readonly #timer: NodeJS.Timeout
  readonly #unsubscribe: () => void
  readonly #wake = () => {
    this.#isDue = true
    this.#resolve?.()
  }
  #isDue = false
  #bookmarkDue = false
  #resolve: (() => void) | undefined

  constructor(client: AbortSignal, deadline: AbortSignal, bookmarkMs: number, cache: WatchCache) {
    this.#signal = AbortSignal.any([client, deadline])
    this.#signal.addEventListener('abort', this.#wake)
    this.#unsubscribe = cache.subscribe(this.#wake)
    // Spread, so that bookmarks of many watches do not come at once.
    this.#timer = setInterval(() => this.#makeBookmarkDue(), bookmarkMs * (0.9 + Math.random() * 0.2))
    this.#timer.unref()
  }

  /** The client has gone, or the time is up. */
  get isOver(): boolean {
    return this.#signal.aborted
  }

  /** True once each time a bookmark is due. */
  takeBookmark(): boolean {
    const isDue = this.#bookmarkDue
    this.#bookmarkDue = false
    return isDue
  }

  async wait(): Promise<void> {
    if (!this.#isDue) {
      await new Promise<void>((resolve) => {
        this.#resolve = resolve
      })
    }
    this.#isDue = false
    this.#resolve = undefined
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer)
    this.#unsubscribe()
    this.#signal.removeEventListener('abort', this.#wake)
  }

  #makeBookmarkDue(): void {
    this.#bookmarkDue = true
    this.#wake()
  }
}
