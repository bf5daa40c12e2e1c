// Puts packets of several streams in the order of their times. A packet waits a moment for earlier ones of slower streams.

/** A packet with the hop that saw it. */
export interface Timed {
  timeNs: bigint
  /** Which of two with the same time comes first: a bridge sees a packet with the time at which its port got it. */
  rank: number
}

export class TimeOrder<T extends Timed> {
  readonly #waitMs: number
  #waiting: { item: T; arrivedMs: number; serial: number }[] = []
  #serial = 0

  constructor(waitMs: number) {
    this.#waitMs = waitMs
  }

  add(item: T, nowMs: number): void {
    this.#waiting.push({ item, arrivedMs: nowMs, serial: this.#serial++ })
  }

  /** Those that have waited long enough, and all that are earlier than they. */
  take(nowMs: number): T[] {
    const ripe = this.#waiting.filter(({ arrivedMs }) => nowMs - arrivedMs >= this.#waitMs)
    const last = ripe.reduce<bigint | undefined>(
      (latest, { item }) => (latest === undefined || item.timeNs > latest ? item.timeNs : latest),
      undefined,
    )
    return last === undefined ? [] : this.#remove(({ timeNs }) => timeNs <= last)
  }

  /** All of them: nothing more comes. */
  drain(): T[] {
    return this.#remove(() => true)
  }

  #remove(isDue: (item: T) => boolean): T[] {
    const due = this.#waiting.filter(({ item }) => isDue(item))
    this.#waiting = this.#waiting.filter(({ item }) => !isDue(item))
    return due
      .sort((a, b) => Number(a.item.timeNs - b.item.timeNs) || a.item.rank - b.item.rank || a.serial - b.serial)
      .map(({ item }) => item)
  }
}
