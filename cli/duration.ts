// Lengths of time on the command line, as Go writes them: 90s, 1m30s, 500ms.

const unitsMs: Record<string, number> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 }

/** Milliseconds; undefined for 0, which means without end. Throws an Error that quotes the text. */
export function parseDuration(text: string): number | undefined {
  if (text === '0') return undefined
  if (!/^(\d+(\.\d+)?(ms|s|m|h))+$/.test(text))
    throw new Error(`cannot read the duration "${text}": write 30s, 5m or 1m30s`)
  const parts = [...text.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h)/g)]
  const totalMs = parts.reduce((sum, [, amount, unit = '']) => sum + Number(amount) * (unitsMs[unit] ?? 0), 0)
  return totalMs === 0 ? undefined : totalMs
}
