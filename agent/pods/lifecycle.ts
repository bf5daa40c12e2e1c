// postStart and preStop hooks. https://kubernetes.io/docs/concepts/containers/container-lifecycle-hooks/

import { setTimeout as sleep } from 'node:timers/promises'
import type { LifecycleHandler } from '../../api/generated/types.ts'
import { type HandlerTarget, runHandler } from './probes/handler.ts'

/** Runs the hook to its end or to the target's time limit. Returns why it failed, or undefined. */
export async function runHook(hook: LifecycleHandler, target: HandlerTarget): Promise<string | undefined> {
  if (hook.sleep !== undefined) {
    const durationMs = hook.sleep.seconds * 1000
    await sleep(Math.min(durationMs, target.timeoutMs))
    return undefined
  }
  // The deprecated tcpSocket hook never did anything in Kubernetes either.
  if (hook.exec === undefined && hook.httpGet === undefined) return undefined
  const { ok, output } = await runHandler(hook, target)
  return ok ? undefined : output
}
