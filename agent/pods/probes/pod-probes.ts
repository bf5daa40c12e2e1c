// The probes of one pod's running containers: startup holds back the others; liveness and startup tell of containers to
// be killed, readiness of containers that may be sent traffic.

import type { Container as ContainerTemplate, Probe } from '../../../api/generated/types.ts'
import type { Container, Runtime } from '../../runtime/runtime.ts'
import type { Failure } from '../plan.ts'
import { runHandler } from './handler.ts'
import { type ProbeKind, runProbeLoop } from './probe-loop.ts'

export interface PodProbesOptions {
  runtime: Pick<Runtime, 'execSync'>
  /** A verdict has changed. */
  onChange: () => void
  onUnhealthy: (template: ContainerTemplate, message: string) => void
  now: () => number
  userAgent: string
}

/** One running container to be probed. */
export interface Probed {
  container: Container
  template: ContainerTemplate
  ip: string
  /** What the API's status says of this very container. */
  wasReady: boolean
  wasStarted: boolean
}

interface Verdicts {
  started: boolean
  ready: boolean
  stop: AbortController
  /** Ends what asks whether the container lives. */
  stopLife: AbortController
}

const names: Record<ProbeKind, string> = { liveness: 'Liveness', readiness: 'Readiness', startup: 'Startup' }

export class PodProbes {
  readonly #options: PodProbesOptions
  readonly #verdicts = new Map<string, Verdicts>()
  /** Containers that a probe has given up, by id. */
  readonly failures = new Map<string, Failure>()

  constructor(options: PodProbesOptions) {
    this.#options = options
  }

  isReady(containerId: string): boolean {
    return this.#verdicts.get(containerId)?.ready ?? false
  }

  isStarted(containerId: string): boolean {
    return this.#verdicts.get(containerId)?.started ?? false
  }

  /** Starts probing containers that are new, and stops for those that run no more. Those of a pod that ends need not live: only readiness counts. */
  sync(running: readonly Probed[], isEnding = false): void {
    const ids = new Set(running.map(({ container }) => container.id))
    for (const [id, { stop }] of this.#verdicts) {
      if (ids.has(id)) continue
      stop.abort()
      this.#verdicts.delete(id)
      this.failures.delete(id)
    }
    for (const probed of running) if (!this.#verdicts.has(probed.container.id)) this.#begin(probed)
    if (isEnding) for (const { stopLife } of this.#verdicts.values()) stopLife.abort()
  }

  close(): void {
    this.sync([])
  }

  #begin(probed: Probed): void {
    const { startupProbe, readinessProbe } = probed.template
    const started = startupProbe === undefined || probed.wasStarted
    const ready = readinessProbe === undefined ? started : started && probed.wasReady
    const verdicts = { started, ready, stop: new AbortController(), stopLife: new AbortController() }
    this.#verdicts.set(probed.container.id, verdicts)
    if (started) this.#probeLife(probed, verdicts)
    else if (startupProbe !== undefined) this.#loop(probed, verdicts, 'startup', startupProbe)
  }

  #probeLife(probed: Probed, verdicts: Verdicts): void {
    const { livenessProbe, readinessProbe } = probed.template
    if (readinessProbe === undefined) verdicts.ready = true
    else this.#loop(probed, verdicts, 'readiness', readinessProbe)
    if (livenessProbe !== undefined) this.#loop(probed, verdicts, 'liveness', livenessProbe)
  }

  #loop(probed: Probed, verdicts: Verdicts, kind: ProbeKind, probe: Probe): void {
    const { container, template, ip } = probed
    const { runtime, now, userAgent, onUnhealthy } = this.#options
    const target = { runtime, containerId: container.id, template, ip, userAgent }
    const timeoutMs = (probe.timeoutSeconds ?? 1) * 1000
    const loop = runProbeLoop(
      {
        kind,
        probe,
        startedAtMs: container.startedAtMs,
        initial: kind === 'liveness' || (kind === 'readiness' && verdicts.ready),
        run: () => runHandler(probe, { ...target, timeoutMs }),
        onVerdict: (success) => this.#judge(probed, verdicts, kind, probe, success),
        onFailure: (output) => onUnhealthy(template, `${names[kind]} probe failed: ${output}`),
        now,
      },
      kind === 'readiness' ? verdicts.stop.signal : AbortSignal.any([verdicts.stop.signal, verdicts.stopLife.signal]),
    )
    void loop
  }

  #judge(probed: Probed, verdicts: Verdicts, kind: ProbeKind, probe: Probe, success: boolean): void {
    const { container, template } = probed
    if (kind === 'readiness') verdicts.ready = success
    else if (!success) this.failures.set(container.id, toFailure(template, kind, probe))
    else if (kind === 'startup') {
      verdicts.started = true
      this.#probeLife(probed, verdicts)
    }
    this.#options.onChange()
  }
}

function toFailure({ name }: ContainerTemplate, kind: ProbeKind, probe: Probe): Failure {
  const graceSeconds = probe.terminationGracePeriodSeconds
  const message = `Container ${name} failed ${kind} probe, will be restarted`
  return { message, ...(graceSeconds !== undefined && { graceSeconds }) }
}
