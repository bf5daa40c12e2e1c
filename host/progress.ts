// Says what goes on, on stderr: a line when a step begins and another, with its time, when it took more than a moment.

import { setTimeout as sleep } from 'node:timers/promises'

/** What takes longer than this is announced before it is done. */
const patienceMs = 1_000

/** Runs a step and says that it was done, and how long it took. A failure names the step. */
export async function step<T>(title: string, act: () => Promise<T>): Promise<T> {
  const startedMs = performance.now()
  const announce = setTimeout(() => tell(`  ...    ${title}`), patienceMs)
  try {
    const result = await act()
    const seconds = ((performance.now() - startedMs) / 1000).toFixed(1)
    tell(`${seconds.padStart(5)}s    ${title}`)
    return result
  } catch (error) {
    tell(`failed    ${title}`)
    throw error
  } finally {
    clearTimeout(announce)
  }
}

/** One line for people. What a command is asked for goes to stdout instead. */
export function tell(line: string): void {
  process.stderr.write(`${line}\n`)
}

/** A look may cost as much as what is waited for: the longer it takes already, the longer until the next. */
const lookMs = (waitedMs: number) => Math.min(Math.max(waitedMs / 8, 50), 1_000)

/**
 * Asks again until the answer is something. Throws after the limit with `what` and the last reason, and when the signal aborts
 * with that of the signal.
 */
export async function waitFor<T>(
  what: string,
  limitMs: number,
  look: () => Promise<T | undefined>,
  signal?: AbortSignal,
): Promise<T> {
  const startedMs = performance.now()
  const waitedMs = () => performance.now() - startedMs
  let reason: unknown
  while (waitedMs() < limitMs) {
    signal?.throwIfAborted()
    try {
      const found = await look()
      if (found !== undefined) return found
    } catch (error) {
      reason = error
    }
    await sleep(lookMs(waitedMs()))
  }
  const why = reason instanceof Error ? `: ${reason.message}` : ''
  throw new Error(`${what}: not within ${limitMs / 1000} s${why}`, { cause: reason })
}
