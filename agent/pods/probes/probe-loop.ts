// One probe of one running container, repeated: counts successes and failures and tells when the verdict changes.

import { pause } from '../../../api/client/alarm.ts'
import type { Probe } from '../../../api/generated/types.ts'
import type { HandlerResult } from './handler.ts'

export type ProbeKind = 'liveness' | 'readiness' | 'startup'

export interface ProbeLoopOptions {
  kind: ProbeKind
  probe: Probe
  /** Milliseconds since the epoch: initialDelaySeconds counts from here. */
  startedAtMs: number
  /** What is known from before: a readiness or startup that an earlier life of the agent saw. */
  initial: boolean
  run: () => Promise<HandlerResult>
  /** Told of each change of the verdict, and of the first. */
  onVerdict: (success: boolean) => void
  /** Told of each failure. */
  onFailure: (output: string) => void
  now: () => number
}

/** A container that was never ready is asked sooner and sooner than its period, so that it is not late by one. */
const firstRetryMs = 100

/** Probes until the signal aborts, or, for liveness and startup, until the container has failed; startup also ends with success. */
export async function runProbeLoop(options: ProbeLoopOptions, signal: AbortSignal): Promise<void> {
  const { kind, probe, startedAtMs, onVerdict, now } = options
  const { initialDelaySeconds = 0, periodSeconds = 10, successThreshold = 1, failureThreshold = 3 } = probe
  let verdict = options.initial
  let everReady = options.initial
  let [successes, failures, retryMs] = [0, 0, firstRetryMs]
  await pause(Math.max(0, startedAtMs + initialDelaySeconds * 1000 - now()), signal)
  while (!signal.aborted) {
    const { ok, output } = await options.run()
    if (signal.aborted) return
    const isEarly = kind === 'readiness' && !everReady && !ok && retryMs < periodSeconds * 1000
    // Of a container that has only just started nobody wants to hear what its period would not have seen.
    if (!ok && !isEarly) options.onFailure(output)
    successes = ok ? successes + 1 : 0
    failures = ok ? 0 : failures + 1
    const next = ok ? successes >= successThreshold || verdict : failures < failureThreshold && verdict
    const failed = !ok && failures >= failureThreshold
    if (next !== verdict || failed) onVerdict(next)
    verdict = next
    everReady ||= verdict
    if (kind !== 'readiness' && failed) return
    if (kind === 'startup' && verdict) return
    await pause(isEarly && !everReady ? retryMs : periodSeconds * 1000, signal)
    retryMs *= 2
  }
}
