// Ends one container: preStop hook, SIGTERM, SIGKILL, all within one grace period.

import type { Container } from '../runtime/runtime.ts'
import type { PodDependencies } from './dependencies.ts'
import { runHook } from './lifecycle.ts'
import { findTemplate, type StoredPod } from './pod.ts'

/** After its preStop hook a container still gets this long to end by itself. */
const leastSeconds = 2

export interface Kill {
  container: Container
  graceSeconds: number
  /** The pod's address, for an HTTP hook. */
  ip: string
}

/** Returns when the container has ended. */
export async function killContainer(
  { runtime, emit, now }: PodDependencies,
  pod: StoredPod,
  { container, graceSeconds, ip }: Kill,
): Promise<void> {
  const { name, id } = container
  const template = findTemplate(pod, name)?.template
  const hook = template?.lifecycle?.preStop
  const startedMs = now()
  if (template !== undefined && hook !== undefined && graceSeconds > 0) {
    const target = {
      runtime,
      containerId: id,
      template,
      ip,
      timeoutMs: graceSeconds * 1000,
      userAgent: 'fairlead-hook',
    }
    const failure = await runHook(hook, target)
    if (failure !== undefined)
      emit(pod, {
        type: 'Warning',
        reason: 'FailedPreStopHook',
        message: `PreStopHook failed: ${failure}`,
        container: name,
      })
  }
  const leftSeconds = graceSeconds - (now() - startedMs) / 1000
  await runtime.stopContainer(
    id,
    graceSeconds <= 0 ? 0 : Math.max(Math.ceil(leftSeconds), Math.min(leastSeconds, graceSeconds)),
  )
}
