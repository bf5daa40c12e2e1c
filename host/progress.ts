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

/** How long to wait for something, and who may end the waiting. */
export interface Waiting {
  limitMs: number
  signal?: AbortSignal
}

const lookMs = 250

/** Asks again until the answer is something. Throws after the limit with `what` and the last reason. */
export async function waitFor<T>(
  what: string,
  { limitMs, signal }: Waiting,
  look: () => Promise<T | undefined>,
): Promise<T> {
  const endMs = performance.now() + limitMs
  let reason: unknown
  while (performance.now() < endMs) {
    signal?.throwIfAborted()
    try {
      const found = await look()
      if (found !== undefined) return found
    } catch (error) {
      reason = error
    }
    await sleep(lookMs)
  }
  const why = reason instanceof Error ? `: ${reason.message}` : ''
  throw new Error(`${what}: not within ${limitMs / 1000} s${why}`, { cause: reason })
}
