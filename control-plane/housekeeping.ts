// Keeps the store small: forgets history that nobody reads any more, and removes Events that are old. Both are safe to
// stop at any time, and to run beside anything else.

import { pause } from '../api/client/alarm.ts'
import { type Entry, RevisionMismatchError, type Store } from './store/store.ts'

export interface HousekeepingOptions {
  store: Store
  /** Told of what failed and will be tried again. */
  onError: (error: unknown) => void
  /** How much history is kept: watches and pages can go on over a break of so long. */
  historyMs?: number
  /** Events live so long after they were last seen. */
  eventLifeMs?: number
  intervalMs?: number
}

const eventsPrefix = '/registry/events/'
const page = 200

/** Runs until the signal aborts. */
export async function runHousekeeping(options: HousekeepingOptions, signal: AbortSignal): Promise<void> {
  const { store, onError, historyMs = 300_000, eventLifeMs = 3_600_000, intervalMs = 60_000 } = options
  const history = new HistoryLimit(store, historyMs)
  while (!signal.aborted) {
    try {
      await history.step(Date.now())
      await expireEvents(store, Date.now() - eventLifeMs)
    } catch (error) {
      onError(error)
    }
    await pause(intervalMs, signal)
  }
}

/** Compacts the store to what it was some time ago. After a restart it waits as long again. */
export class HistoryLimit {
  readonly #store: Store
  readonly #historyMs: number
  /** What the revision was when, oldest first. */
  #samples: { atMs: number; revision: number }[] = []

  constructor(store: Store, historyMs: number) {
    this.#store = store
    this.#historyMs = historyMs
  }

  async step(nowMs: number): Promise<void> {
    this.#samples.push({ atMs: nowMs, revision: await this.#store.revision() })
    const old = this.#samples.filter(({ atMs }) => atMs <= nowMs - this.#historyMs)
    const newest = old.at(-1)
    if (newest === undefined) return
    await this.#store.compact(newest.revision)
    this.#samples = this.#samples.slice(old.length)
  }
}

/** Removes Events that were last seen before a time. */
export async function expireEvents(store: Store, beforeMs: number): Promise<void> {
  let after: string | undefined
  for (;;) {
    const { entries, remaining } = await store.list(eventsPrefix, { limit: page, after })
    const expired = entries.filter(({ value }) => lastSeenMs(value) < beforeMs)
    await Promise.all(expired.map((entry) => remove(store, entry)))
    if (remaining === 0) return
    after = entries.at(-1)?.key
  }
}

async function remove(store: Store, { key, revision }: Entry): Promise<void> {
  await store.delete(key, revision).catch((error: unknown) => {
    // Seen again just now, or deleted by somebody else.
    if (!(error instanceof RevisionMismatchError)) throw error
  })
}

/** When the event last happened, by any of the fields that say so; what says nothing counts as just seen. */
function lastSeenMs(json: string): number {
  const { metadata, lastTimestamp, eventTime, series } = JSON.parse(json)
  const times = [metadata?.creationTimestamp, lastTimestamp, eventTime, series?.lastObservedTime]
  const known = times.map((time) => Date.parse(String(time))).filter((ms) => !Number.isNaN(ms))
  return known.length === 0 ? Number.POSITIVE_INFINITY : Math.max(...known)
}
