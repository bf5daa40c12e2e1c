// Hands runtime events to any number of listeners, each of which may be slow.

import type { RuntimeEvent } from './runtime.ts'

/** Publishes events to every open subscription, in order; a subscription starts empty and ends with its signal. */
export class EventHub {
  readonly #listeners = new Set<(event: RuntimeEvent) => void>()

  publish(event: RuntimeEvent): void {
    for (const listener of this.#listeners) listener(event)
  }

  /** Events from the call on, not from the first read on. */
  subscribe(signal: AbortSignal): AsyncIterable<RuntimeEvent> {
    const queue: RuntimeEvent[] = []
    let wake = () => {}
    const listener = (event: RuntimeEvent) => {
      queue.push(event)
      wake()
    }
    const onAbort = () => {
      this.#listeners.delete(listener)
      wake()
    }
    this.#listeners.add(listener)
    signal.addEventListener('abort', onAbort, { once: true })
    return (async function* () {
      while (!signal.aborted) {
        const event = queue.shift()
        if (event !== undefined) yield event
        else await new Promise<void>((resolve) => (wake = resolve))
      }
    })()
  }
}
