// One pod's life on this node. A loop looks at what is true, plans (plan.ts, pure) and starts what the plan says as jobs
// that run side by side; it is woken by changes of the pod, events of the runtime, verdicts of probes, ended jobs and
// timers. Decisions are made one after the other; nothing the worker knows is needed by its next life.

import { setTimeout as wait } from 'node:timers/promises'
import { Alarm } from '../../api/client/alarm.ts'
import type { PodStatus } from '../../api/generated/types.ts'
import type { Container, Sandbox } from '../runtime/runtime.ts'
import { removeCgroups } from './cgroups.ts'
import { ContainerRefused } from './container-starter.ts'
import type { PodDependencies } from './dependencies.ts'
import { Jobs } from './jobs.ts'
import { ObservedPod } from './observed-pod.ts'
import { keyOf, newestSandbox, planPod, type Step } from './plan.ts'
import { containerStatusesOf, isTerminal, type StoredPod } from './pod.ts'
import { PodContainers } from './pod-containers.ts'
import type { PodContext } from './pod-context.ts'
import { PodEnding, type PodFailure } from './pod-ending.ts'
import { PodSandboxes } from './pod-sandboxes.ts'
import { PreparedVolumes } from './prepared-volumes.ts'
import { makeStatus } from './status.ts'

/** Key of the job that follows the end of everything. */
const finishKey = 'finish'
const retryMs = 1_000
/** While jobs run, the runtime's events are mostly our own doing: looking again can wait this long. */
const settleMs = 150
/** What is under way when the agent stops may take so long to end; a grace period or a pull can be longer, and is the next life's. */
const stopMs = 2_000

export class PodWorker {
  readonly #deps: PodDependencies
  readonly #alarm = new Alarm()
  readonly #life = new AbortController()
  readonly #observed: ObservedPod
  readonly #jobs: Jobs
  readonly #volumes: PreparedVolumes
  readonly #sandboxes: PodSandboxes
  readonly #containers: PodContainers
  readonly #ending: PodEnding
  #pod: StoredPod
  /** The API no longer has the pod. */
  #isGone = false
  #isRemoved = false
  /** When the containers began to be ended, in milliseconds since the epoch. */
  #endingSinceMs: number | undefined
  #status: PodStatus | undefined
  #finished: 'no' | 'terminal' | 'deleted' = 'no'

  constructor(deps: PodDependencies, pod: StoredPod) {
    const wake = () => this.#alarm.wake()
    this.#deps = deps
    this.#pod = pod
    this.#observed = new ObservedPod(deps, wake)
    this.#jobs = new Jobs({
      now: deps.now,
      onFailure: (_key, error) => this.#jobFailed(error),
      onEnd: () => {
        this.#observed.distrust()
        wake()
      },
    })
    const context: PodContext = {
      deps,
      pod: () => this.#pod,
      observed: this.#observed,
      jobs: this.#jobs,
      ending: this.#life.signal,
      wake,
    }
    this.#volumes = new PreparedVolumes(context, () => this.#sandboxes.ips)
    this.#sandboxes = new PodSandboxes(context, this.#volumes)
    this.#containers = new PodContainers(context, this.#sandboxes, this.#volumes)
    this.#ending = new PodEnding(context, () => this.#status?.startTime ?? this.#pod.status?.startTime)
  }

  get pod(): StoredPod {
    return this.#pod
  }

  /** The status that was last reported, or the API's while none was. */
  get status(): PodStatus | undefined {
    return this.#status ?? this.#pod.status
  }

  /** The node has admitted the pod, in this life of the agent or in one before. */
  get isTaken(): boolean {
    return this.#ending.isAdmitted || this.#pod.status?.startTime !== undefined
  }

  /** True when the pod's life on this node is over but for its traces. */
  get isOver(): boolean {
    return this.#finished !== 'no' || isTerminal(this.#pod.status?.phase)
  }

  /** The API has a newer version of the pod. */
  update(pod: StoredPod): void {
    this.#pod = pod
    this.#containers.hurryKills(this.#isGone)
    this.#alarm.wake()
  }

  /** The API no longer has the pod: everything of it goes. */
  markGone(): void {
    this.#isGone = true
    this.#containers.hurryKills(this.#isGone)
    this.#alarm.wake()
  }

  /** The node cannot keep the pod. */
  evict(why: PodFailure): void {
    this.#ending.evict(why)
    this.#alarm.wake()
  }

  /** Something happened to the pod's sandbox or containers. */
  notice(): void {
    this.#observed.notice()
  }

  /** True when the runtime has something else than the worker believes, though no event told of it. */
  differsFrom(sandboxes: readonly Sandbox[], containers: readonly Container[]): boolean {
    return this.#observed.differsFrom(sandboxes, containers)
  }

  /** An object that the pod's volumes show has changed. */
  refreshVolumes(): void {
    this.#volumes.markStale()
    if (!this.isOver) this.#volumes.refresh()
  }

  /** Runs until nothing of the pod is left on this node, or the signal aborts; then containers stay as they are. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted && !this.#isRemoved) {
      let wakeAtMs: number | undefined
      try {
        wakeAtMs = await this.#sync()
      } catch (error) {
        this.#deps.onError(error, this.#pod)
        wakeAtMs = this.#deps.now() + retryMs
      }
      const delayMs = wakeAtMs === undefined ? undefined : Math.max(0, wakeAtMs - this.#deps.now())
      if (!this.#isRemoved) await this.#alarm.wait(signal, delayMs)
    }
    this.#containers.close()
    await (signal.aborted ? Promise.race([this.#jobs.settled(), wait(stopMs)]) : this.#jobs.settled())
  }

  /** Looks, plans, acts once. Returns when to look again at the latest. */
  async #sync(): Promise<number | undefined> {
    const { dirtySinceMs } = this.#observed
    const busy = this.#jobs.running
    const settledMs = dirtySinceMs === undefined ? undefined : dirtySinceMs + settleMs
    const mustSettle = settledMs !== undefined && busy.size > 0 && settledMs > this.#deps.now()
    if (settledMs !== undefined && !mustSettle) await this.#observe()
    const ending = this.#ending.decide(this.#isGone)
    if (ending !== undefined) this.#life.abort()
    const plan = planPod({
      pod: this.#pod,
      sandboxes: this.#sandboxes.usable,
      containers: this.#observed.containers,
      busy: this.#jobs.running,
      notBeforeMs: this.#jobs.notBeforeMs,
      failures: this.#containers.failures,
      stopped: this.#sandboxes.stopped,
      isStarted: (id) => this.#containers.isStarted(id),
      restartCounts: restartCountsOf(this.#pod),
      nowMs: this.#deps.now(),
      ...(ending && { ending }),
      ...(this.#endingSinceMs !== undefined && { endingSinceMs: this.#endingSinceMs }),
    })
    if (plan.ends) this.#endingSinceMs ??= this.#deps.now()
    for (const step of plan.steps) this.#jobs.start(keyOf(step), () => this.#act(step))
    if (!this.isOver) this.#volumes.refresh()
    this.#containers.syncProbes()
    this.#publish(ending !== undefined || plan.ended)
    if (plan.ended) this.#finish()
    const retries = [...this.#jobs.notBeforeMs.values()].filter((ms) => ms > this.#deps.now())
    const wakes = [plan.wakeAtMs, mustSettle ? settledMs : undefined, this.#ending.deadlineMs(), ...retries]
    const known = wakes.filter((ms) => ms !== undefined)
    return known.length > 0 ? Math.min(...known) : undefined
  }

  async #observe(): Promise<void> {
    if (!(await this.#observed.look(this.#pod))) return
    const sandbox = newestSandbox(this.#observed.sandboxes)
    if (sandbox?.state === 'ready' && !this.#life.signal.aborted) {
      // After a restart of the agent: volumes are followed again, and the addresses are known again.
      this.#volumes.begin()
      this.#sandboxes.join(sandbox)
    }
    await this.#observed.readMessages(this.#pod)
  }

  async #act(step: Step): Promise<void> {
    switch (step.do) {
      case 'createSandbox':
        return await this.#sandboxes.create(step.attempt)
      case 'stopSandbox':
        return await this.#sandboxes.stop(step.sandbox)
      case 'startContainer':
        return await this.#containers.start(step)
      case 'killContainer':
        return await this.#containers.kill(step.container, step.graceSeconds, step.message)
      case 'removeContainer':
        await this.#deps.runtime.removeContainer(step.container.id)
        return this.#observed.dropContainer(step.container.id)
      case 'removeSandbox':
        await this.#deps.runtime.removeSandbox(step.sandbox.id)
        return this.#observed.notice()
    }
  }

  /** Returns when the job may be tried again. */
  #jobFailed(error: unknown): number {
    this.#observed.notice()
    if (error instanceof ContainerRefused) return error.retryAtMs
    this.#deps.onError(error, this.#pod)
    return this.#deps.now() + retryMs
  }

  #publish(isEnding: boolean): void {
    if (this.#isGone) return
    const { failure } = this.#ending
    const status = makeStatus(
      { ...this.#pod, status: this.#knownStatus() },
      {
        containers: this.#observed.containers,
        waiting: this.#containers.waiting,
        isReady: (id) => this.#containers.isReady(id),
        isStarted: (id) => this.#containers.isStarted(id),
        terminationMessages: this.#observed.terminationMessages,
        ending: isEnding,
        ips: this.#sandboxes.ips,
        hostIps: this.#deps.node.ips,
        nowMs: this.#deps.now(),
        ...(failure && { failure }),
      },
    )
    this.#status = status
    this.#deps.statuses.set(this.#pod, status)
  }

  /** Our newest status with the conditions that others wrote: the API's copy of ours may be older. */
  #knownStatus(): PodStatus {
    const stored = this.#pod.status ?? {}
    if (this.#status === undefined) return stored
    const ours = this.#status.conditions ?? []
    const others = (stored.conditions ?? []).filter(({ type }) => ours.every((condition) => condition.type !== type))
    const phase = isTerminal(stored.phase) ? stored.phase : this.#status.phase
    return { ...this.#status, phase, conditions: [...ours, ...others] }
  }

  /** Everything has ended: remove what is left, and tell the API if it waits for that. */
  #finish(): void {
    const isDeleted = this.#pod.metadata.deletionTimestamp !== undefined
    if (this.#isGone) this.#jobs.start(finishKey, () => this.#removeTraces())
    else if (isDeleted && this.#finished !== 'deleted') this.#jobs.start(finishKey, () => this.#finishDeleted())
    else if (this.#finished === 'no') {
      this.#finished = 'terminal'
      this.#jobs.start('clean', () => this.#clean())
    }
  }

  async #finishDeleted(): Promise<void> {
    await Promise.all([this.#deps.statuses.flush(this.#pod.metadata.uid), this.#clean()])
    await this.#deps.deletePod(this.#pod)
    this.#finished = 'deleted'
  }

  async #clean(): Promise<void> {
    const { uid } = this.#pod.metadata
    await this.#volumes.remove()
    await removeCgroups(this.#deps.node.cgroups, uid)
  }

  async #removeTraces(): Promise<void> {
    const { runtime, statuses, images } = this.#deps
    const { uid } = this.#pod.metadata
    for (const { id } of await runtime.listSandboxes(uid)) await runtime.removeSandbox(id)
    for (const { id } of await runtime.listContainers(uid)) await runtime.removeContainer(id)
    await this.#clean()
    statuses.forget(uid)
    images.forget(uid)
    this.#isRemoved = true
  }
}

/** Restart counts of containers that have existed, as the API knows them. */
function restartCountsOf(pod: StoredPod): Map<string, number> {
  const existed = containerStatusesOf(pod).filter(({ containerID }) => containerID)
  return new Map(existed.map(({ name, restartCount }) => [name, restartCount]))
}
