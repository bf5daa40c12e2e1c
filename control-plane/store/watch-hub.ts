// Hands new events to watchers. Each watcher has a cursor and no queue: one that is slow reads what it missed from the
// store's history when it comes back, so it costs no memory and holds up nobody. The newest events are kept at hand, as
// nearly every read is for them.

import { setImmediate } from 'node:timers/promises'
import type { StoreEvent } from './store.ts'

/** Part of the history, in order. */
export interface HistoryPage {
  events: StoreEvent[]
  /** History was read up to and including this revision, which may be that of another prefix's event. */
  through: number
}

export interface WatchHubOptions {
  /** The newest revision when the hub is made. */
  revision: number
  /** How many of the newest events are kept in memory. */
  recentEvents?: number
  /** Reads the oldest events below the prefix that come after a revision. Throws CompactedError. */
  readHistory(prefix: string, afterRevision: number): HistoryPage
}

interface Watcher {
  readonly prefix: string
  /** Every event up to this revision was delivered, or is not below the prefix. */
  cursor: number
  /** Set while the watcher has seen everything and waits; unset by who wakes it, so that its cursor stays where it was. */
  wake: (() => void) | undefined
}

export class WatchHub {
  readonly #readHistory: WatchHubOptions['readHistory']
  readonly #recentLimit: number
  readonly #watchers = new Set<Watcher>()
  /** In order of revisions; holds every event after #recentAfter. */
  #recent: StoreEvent[] = []
  #recentAfter: number
  #revision: number

  constructor({ revision, recentEvents = 256, readHistory }: WatchHubOptions) {
    this.#revision = revision
    this.#recentAfter = revision
    this.#recentLimit = recentEvents
    this.#readHistory = readHistory
  }

  /** Tells of events that follow all told before; the history must have them already. */
  publish(events: readonly StoreEvent[]): void {
    const last = events.at(-1)
    if (last === undefined) return
    this.#recent.push(...events)
    this.#revision = revisionOf(last)
    this.#trim()
    for (const watcher of this.#watchers) this.#notify(watcher, events)
  }

  /** Drops events up to and including a revision, as the history did. */
  forget(revision: number): void {
    if (revision <= this.#recentAfter) return
    this.#recent = this.#recent.filter((event) => revisionOf(event) > revision)
    this.#recentAfter = revision
  }

  /** See Store.watch. */
  async *watch(prefix: string, fromRevision: number, signal: AbortSignal): AsyncGenerator<StoreEvent[], void> {
    const watcher: Watcher = { prefix, cursor: fromRevision, wake: undefined }
    const onAbort = () => wake(watcher)
    signal.addEventListener('abort', onAbort)
    this.#watchers.add(watcher)
    try {
      while (!signal.aborted) {
        const events = this.#take(watcher)
        if (events.length > 0) yield events
        else if (watcher.cursor < this.#revision) await setImmediate()
        else await this.#sleep(watcher)
      }
    } finally {
      this.#watchers.delete(watcher)
      signal.removeEventListener('abort', onAbort)
    }
  }

  #trim(): void {
    // Trimmed in halves: moving the rest of the array costs little per event.
    if (this.#recent.length <= 2 * this.#recentLimit) return
    const dropped = this.#recent.splice(0, this.#recent.length - this.#recentLimit)
    this.#recentAfter = revisionOf(dropped.at(-1))
  }

  #notify(watcher: Watcher, events: readonly StoreEvent[]): void {
    if (watcher.wake === undefined) return
    // A waiting watcher is moved on past events of others, so that it never has to read them from history.
    if (events.some((event) => concerns(watcher, event))) wake(watcher)
    else watcher.cursor = Math.max(watcher.cursor, this.#revision)
  }

  #take(watcher: Watcher): StoreEvent[] {
    if (watcher.cursor < this.#recentAfter) {
      const { events, through } = this.#readHistory(watcher.prefix, watcher.cursor)
      watcher.cursor = through
      return events
    }
    const fresh = this.#recent.filter((event) => concerns(watcher, event))
    watcher.cursor = Math.max(watcher.cursor, this.#revision)
    return fresh
  }

  async #sleep(watcher: Watcher): Promise<void> {
    await new Promise<void>((resolve) => {
      watcher.wake = resolve
    })
  }
}

function wake(watcher: Watcher): void {
  watcher.wake?.()
  watcher.wake = undefined
}

/** The revision at which the event happened; 0 for none. */
export function revisionOf(event: StoreEvent | undefined): number {
  if (event === undefined) return 0
  return event.type === 'put' ? event.entry.revision : event.revision
}

/** The key that the event is about. */
export function keyOf(event: StoreEvent): string {
  return event.type === 'put' ? event.entry.key : event.key
}

function concerns({ prefix, cursor }: Watcher, event: StoreEvent): boolean {
  return keyOf(event).startsWith(prefix) && revisionOf(event) > cursor
}
