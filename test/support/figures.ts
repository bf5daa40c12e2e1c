// How figures are printed: the middle, the ends and how many.

/** "median 12ms (min 10ms, max 19ms, n 15)". */
export function range(values: number[], unit: string, digits = 0): string {
  const sorted = values.toSorted((a, b) => a - b)
  const at = (index: number) => `${sorted.at(index)?.toFixed(digits)}${unit}`
  return `median ${at(Math.floor(sorted.length / 2))} (min ${at(0)}, max ${at(-1)}, n ${sorted.length})`
}

/** The middle value; NaN of none. */
export function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN
}
