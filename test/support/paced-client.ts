// What load/paced-client.mjs says of the connections that it opened.

import { join } from 'node:path'

/** Its file; it needs nothing but Node. */
export const pacedClient = join(import.meta.dirname, 'load/paced-client.mjs')

/** At most: on a machine that is slower, the client opens as many as are answered. */
export const connectionsPerSecond = 1000
/** By so many an update was under load. */
export const leastOpened = 500

/** What it prints in the end. */
export interface Load {
  opened: number
  /** How many by reason. */
  failed: Record<string, number>
  answeredBy: Record<string, number>
  seconds: number
  medianMs: number
  slowestMs: number
}

export function describeLoad({ opened, failed, answeredBy, seconds, medianMs, slowestMs }: Load): string {
  const rate = `${opened} connections in ${seconds.toFixed(1)} s (${(opened / seconds).toFixed(0)}/s)`
  const answers = `answers after ${medianMs.toFixed(0)} ms, the slowest after ${slowestMs.toFixed(0)} ms`
  return `${rate} to ${Object.keys(answeredBy).length} pods; ${answers}; lost: ${JSON.stringify(failed)}`
}
