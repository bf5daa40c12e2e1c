// Follows every outcome of random choices, one run after the other: each run repeats the choices of the one before but the
// last, which it makes differently.

export interface Explored<T> {
  results: T[]
  /** There were more outcomes than were followed. */
  more: boolean
}

/** Picks one of several outcomes. */
export type Choose = (count: number) => number

/** `begin` starts the run's choices over, for a run that goes the same way twice. */
export function explore<T>(limit: number, run: (begin: () => Choose) => T): Explored<T> {
  const results: T[] = []
  let prefix: number[] = []
  while (results.length < limit) {
    const made: { picked: number; count: number }[] = []
    let at = 0
    const choose: Choose = (count) => {
      const picked = prefix[at] ?? 0
      if (made.length <= at) made.push({ picked, count })
      at++
      return picked
    }
    const begin = () => {
      at = 0
      return choose
    }
    results.push(run(begin))
    while (made.length > 0 && (made.at(-1)?.picked ?? 0) + 1 >= (made.at(-1)?.count ?? 0)) made.pop()
    const last = made.at(-1)
    if (last === undefined) return { results, more: false }
    prefix = [...made.slice(0, -1).map(({ picked }) => picked), last.picked + 1]
  }
  return { results, more: true }
}
