// When a container that has ended runs again. The delay doubles from 10 s to 5 min and starts over after 10 min of running.
// It travels as an annotation on the container itself, so that a new life of the agent goes on where the old one was.

import type { Container } from '../runtime/runtime.ts'
import type { ContainerRole } from './pod.ts'

/** Milliseconds to wait after this container's end before the next attempt. */
export const restartDelayAnnotation = 'fairlead.io/restart-delay-ms'

const firstDelayMs = 10_000
const longestDelayMs = 300_000
const forgivenAfterMs = 600_000

export interface Restart {
  /** Milliseconds since the epoch; in the past: at once. */
  atMs: number
  /** The wait in force, 0 if there is none. */
  delayMs: number
  /** What the next attempt carries in its annotation. */
  nextDelayMs: number
}

/** Says whether a container that ended with this code runs again. */
export function isRestartable(policy: string | undefined, role: ContainerRole, exitCode: number): boolean {
  if (role === 'sidecar') return true
  if (policy === 'Never') return false
  if (exitCode === 0) return role === 'app' && policy !== 'OnFailure'
  return true
}

/** The first restart is immediate; each further one waits twice as long as the one before. */
export function planRestart(ended: Container): Restart {
  const carried = Number(ended.annotations[restartDelayAnnotation] ?? 0)
  const delayMs = endedAt(ended) - ended.startedAtMs >= forgivenAfterMs && ended.startedAtMs > 0 ? 0 : carried
  const nextDelayMs = delayMs === 0 ? firstDelayMs : Math.min(delayMs * 2, longestDelayMs)
  return { atMs: endedAt(ended) + delayMs, delayMs, nextDelayMs }
}

/** A container that could not be started has no end of its own: it ended when it was made. */
export function endedAt({ finishedAtMs, startedAtMs, createdAtMs }: Container): number {
  return finishedAtMs > 0 ? finishedAtMs : Math.max(startedAtMs, createdAtMs)
}
