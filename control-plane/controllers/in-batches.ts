/** Calls at once after a first success double up to this. */
const largestBatch = 64

/**
 * Runs the calls in batches of 1, 2, 4, ... at a time and stops after the first batch that has a failure: a mistake that
 * every call would meet, such as a quota, costs few calls. Returns the first failure.
 */
export async function runSlowly(calls: (() => Promise<void>)[]): Promise<{ error?: unknown }> {
  for (let [start, size] = [0, 1]; start < calls.length; start += size, size = Math.min(size * 2, largestBatch)) {
    const results = await Promise.allSettled(calls.slice(start, start + size).map((call) => call()))
    const failed = results.find((result) => result.status === 'rejected')
    if (failed !== undefined) return { error: failed.reason }
  }
  return {}
}

/** Runs the calls, so many at a time, all of them, and returns the first failure. */
export async function runAll(calls: (() => Promise<void>)[], atOnce = 16): Promise<{ error?: unknown }> {
  const errors: unknown[] = []
  const rest = calls.values()
  const work = async () => {
    for (const call of rest) await call().catch((error: unknown) => errors.push(error))
  }
  await Promise.all(Array.from({ length: Math.min(atOnce, calls.length) }, work))
  return errors.length === 0 ? {} : { error: errors[0] }
}
