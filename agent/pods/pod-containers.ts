// A pod's containers: started with their hooks, probed, killed.

import type { Container } from '../runtime/runtime.ts'
import { killContainer } from './container-killer.ts'
import { ContainerRefused, type StartStep, startContainer } from './container-starter.ts'
import type { Waiting } from './container-status.ts'
import { runHook } from './lifecycle.ts'
import { type Failure, killKey } from './plan.ts'
import { containerStatusesOf, findTemplate } from './pod.ts'
import type { PodContext } from './pod-context.ts'
import { goneGraceSeconds } from './pod-ending.ts'
import type { PodSandboxes } from './pod-sandboxes.ts'
import type { PreparedVolumes } from './prepared-volumes.ts'
import { PodProbes } from './probes/pod-probes.ts'

/** As long as a timer can be: the hook ends with its container. */
const hookTimeoutMs = 2 ** 31 - 1

export class PodContainers {
  readonly #context: PodContext
  readonly #sandboxes: PodSandboxes
  readonly #volumes: PreparedVolumes
  readonly #probes: PodProbes
  readonly #waiting = new Map<string, Waiting>()
  readonly #failures = new Map<string, Failure>()
  /** Containers whose postStart hook has not ended: not yet started, in the eyes of probes. */
  readonly #hooked = new Set<string>()
  /** Ids of those that are being killed: Docker may take several attempts, and one event says it. */
  #announced = new Set<string>()
  /** By container id: when it is killed for sure. */
  readonly #killDeadlines = new Map<string, number>()

  constructor(context: PodContext, sandboxes: PodSandboxes, volumes: PreparedVolumes) {
    const { deps, pod, wake } = context
    this.#context = context
    this.#sandboxes = sandboxes
    this.#volumes = volumes
    this.#probes = new PodProbes({
      runtime: deps.runtime,
      now: deps.now,
      userAgent: 'kube-probe/1.35',
      onChange: wake,
      onUnhealthy: ({ name }, message) =>
        deps.emit(pod(), { type: 'Warning', reason: 'Unhealthy', message, container: name }),
    })
  }

  /** Why a container does not run yet, by its name. */
  get waiting(): ReadonlyMap<string, Waiting> {
    return this.#waiting
  }

  /** Containers that must be killed because a hook or probe failed, by id. */
  get failures(): ReadonlyMap<string, Failure> {
    return new Map([...this.#failures, ...this.#probes.failures])
  }

  isReady(id: string): boolean {
    return this.#probes.isReady(id)
  }

  /** Its hook has ended and its startup probe succeeded. */
  isStarted(id: string): boolean {
    return !this.#hooked.has(id) && this.#probes.isStarted(id)
  }

  /** Creates and starts a container. Throws what the plan must wait for. */
  async start(step: StartStep): Promise<void> {
    const { deps, pod, observed, ending, jobs } = this.#context
    const { name } = step.template
    if (this.#sandboxes.isDoomed(step.sandbox.id)) return // planned before it was given up: the next plan has another
    const preparation = { prepared: this.#volumes.prepare(), attached: this.#sandboxes.attached(step.sandbox), ending }
    for (const promise of [preparation.prepared, preparation.attached]) promise.catch(() => undefined) // the start awaits them
    const hook = step.template.lifecycle?.postStart
    try {
      const id = await startContainer(deps, pod(), step, preparation, (created) => {
        observed.putContainer(created)
        if (hook !== undefined) this.#hooked.add(created.id)
      })
      this.#waiting.delete(name)
      observed.markContainerStarted(id)
      if (hook !== undefined) jobs.start(`postStart ${id}`, () => this.#runPostStart(step, id))
    } catch (error) {
      // Whatever went wrong in a sandbox that was given up meanwhile is not the container's fault.
      if (this.#sandboxes.isDoomed(step.sandbox.id)) return
      if (error instanceof ContainerRefused) this.#waiting.set(name, error.waiting)
      throw error
    } finally {
      observed.notice()
    }
  }

  async #runPostStart({ template }: StartStep, containerId: string): Promise<void> {
    const { deps, pod } = this.#context
    const failure = await runHook(template.lifecycle?.postStart ?? {}, {
      runtime: deps.runtime,
      containerId,
      template,
      ip: this.#ip,
      timeoutMs: hookTimeoutMs,
      userAgent: 'fairlead-hook',
    })
    this.#hooked.delete(containerId)
    if (failure === undefined) return
    deps.emit(pod(), {
      type: 'Warning',
      reason: 'FailedPostStartHook',
      message: `PostStartHook failed: ${failure}`,
      container: template.name,
    })
    this.#failures.set(containerId, { message: 'FailedPostStartHook' })
  }

  /** Where hooks reach the pod. */
  get #ip(): string {
    return this.#sandboxes.ips[0] ?? this.#context.deps.node.ip
  }

  async kill(container: Container, graceSeconds: number, message: string): Promise<void> {
    const { deps, pod, observed } = this.#context
    if (!this.#announced.has(container.id))
      deps.emit(pod(), { type: 'Normal', reason: 'Killing', message, container: container.name })
    const here = observed.containers.map(({ id }) => id)
    this.#announced = this.#announced.intersection(new Set(here)).add(container.id)
    this.#killDeadlines.set(container.id, deps.now() + graceSeconds * 1000)
    try {
      await killContainer(deps, pod(), { container, graceSeconds, ip: this.#ip })
    } finally {
      this.#killDeadlines.delete(container.id)
      this.#failures.delete(container.id)
      observed.noticeAtOnce()
    }
  }

  /** Kills under way with more patience than the pod now asks for are made shorter. isGone: the API no longer has the pod. */
  hurryKills(isGone: boolean): void {
    const { deps, pod, jobs } = this.#context
    const { deletionGracePeriodSeconds, deletionTimestamp } = pod().metadata
    const graceSeconds = deletionGracePeriodSeconds ?? (isGone ? goneGraceSeconds : undefined)
    if (graceSeconds === undefined || (deletionTimestamp === undefined && !isGone)) return
    const deadlineMs = deps.now() + graceSeconds * 1000
    for (const [id, knownMs] of this.#killDeadlines) {
      if (knownMs <= deadlineMs || !jobs.running.has(killKey(id))) continue
      this.#killDeadlines.set(id, deadlineMs)
      jobs.start(`hurry ${id} ${graceSeconds}`, () => deps.runtime.stopContainer(id, graceSeconds))
    }
  }

  /** Probes what runs now, and nothing else. */
  syncProbes(): void {
    const { pod, observed, ending } = this.#context
    const known = containerStatusesOf(pod())
    const [ip] = this.#sandboxes.ips
    const running = observed.containers.flatMap((container) => {
      const found = findTemplate(pod(), container.name)
      const isLive = container.state === 'running' && !this.#hooked.has(container.id)
      if (!isLive || found === undefined || found.role === 'init' || ip === undefined) return []
      const before = known.find(({ containerID }) => containerID === `docker://${container.id}`)
      const { ready: wasReady = false, started: wasStarted = false } = before ?? {}
      return [{ container, template: found.template, ip, wasReady, wasStarted }]
    })
    this.#probes.sync(running, ending.aborted)
  }

  close(): void {
    this.#probes.close()
  }
}
