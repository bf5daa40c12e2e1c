// Flags that may be given several times.

/** Gathers the values of a repeated flag. commander's own way takes all words that follow, also those meant for others. */
export function collect(value: string, earlier: string[] | undefined): string[] {
  return [...(earlier ?? []), value]
}
