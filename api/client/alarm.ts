// Lets a loop sleep until it is woken or a time has come. A wake between two sleeps is not lost.

/** The longest that a timer of Node can wait, in milliseconds; it fires at once for more. */
export const longestDelayMs = 2 ** 31 - 1

export class Alarm {
  #ringing = false
  #resolve: (() => void) | undefined

  /** Ends the present wait, or the next one at once. */
  wake(): void {
    this.#ringing = true
    this.#resolve?.()
  }

  /** Forgets a wake that nobody has waited for: what it was about is looked at now. */
  reset(): void {
    this.#ringing = false
  }

  /** Waits for wake, for the delay if there is one, or for the signal. */
  async wait(signal: AbortSignal, delayMs?: number): Promise<void> {
    if (!this.#ringing && !signal.aborted) {
      const { promise, resolve } = Promise.withResolvers<void>()
      this.#resolve = resolve
      const onAbort = () => resolve()
      signal.addEventListener('abort', onAbort, { once: true })
      const timer = delayMs === undefined ? undefined : setTimeout(resolve, Math.min(delayMs, longestDelayMs))
      await promise
      clearTimeout(timer)
      signal.removeEventListener('abort', onAbort)
    }
    this.#ringing = false
    this.#resolve = undefined
  }
}

/** Waits unless the signal aborts first; never throws for that. */
export async function pause(delayMs: number, signal: AbortSignal): Promise<void> {
  await new Alarm().wait(signal, delayMs)
}
