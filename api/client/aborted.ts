// The end of a signal as a promise, for those who wait for that or for something else.

/** Resolves when the signal aborts, at once if it has; never without a signal. */
export async function aborted(signal: AbortSignal | undefined): Promise<void> {
  if (signal?.aborted === true) return
  await new Promise<void>((resolve) => signal?.addEventListener('abort', () => resolve(), { once: true }))
}
