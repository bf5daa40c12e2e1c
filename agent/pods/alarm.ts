// Lets a loop sleep until it is woken or a time has come. A wake between two sleeps is not lost.

export class Alarm {
  #ringing = false
  #resolve: (() => void) | undefined

  /** Ends the present wait, or the next one at once. */
  wake(): void {
    this.#ringing = true
    this.#resolve?.()
  }

  /** Waits for wake, for the delay if there is one, or for the signal. */
  async wait(signal: AbortSignal, delayMs?: number): Promise<void> {
    if (!this.#ringing && !signal.aborted) {
      const { promise, resolve } = Promise.withResolvers<void>()
      this.#resolve = resolve
      const onAbort = () => resolve()
      signal.addEventListener('abort', onAbort, { once: true })
      const timer = delayMs === undefined ? undefined : setTimeout(resolve, Math.min(delayMs, 2 ** 31 - 1))
      await promise
      clearTimeout(timer)
      signal.removeEventListener('abort', onAbort)
    }
    this.#ringing = false
    this.#resolve = undefined
  }
}
