// Says what goes on, on stderr: one line a step, with the time it took.

/** Runs a step and tells how long it took. A failure names the step. */
export async function step<T>(title: string, act: () => Promise<T>): Promise<T> {
  const startedMs = performance.now()
  if (process.stderr.isTTY) process.stderr.write(`  …  ${title}\r`)
  try {
    const result = await act()
    process.stderr.write(`  ${((performance.now() - startedMs) / 1000).toFixed(1).padStart(5)}s  ${title}\n`)
    return result
  } catch (error) {
    process.stderr.write(`  failed  ${title}\n`)
    throw error
  }
}

/** Asks again every 50 ms until the check returns something. Throws with `what` and the last reason after the limit. */
export async function waitFor<T>(what: string, limitMs: number, check: () => Promise<T | undefined>): Promise<T> {
  const endMs = performance.now() + limitMs
  let reason: unknown
  while (performance.now() < endMs) {
    try {
      const result = await check()
      if (result !== undefined) return result
    } catch (error) {
      reason = error
    }
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  throw new Error(
    `${what} did not happen within ${limitMs / 1000} s${reason instanceof Error ? `: ${reason.message}` : ''}`,
    { cause: reason },
  )
}
