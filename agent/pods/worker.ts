// One pod's life on this node. A loop looks at what is true, plans (plan.ts, pure) and starts what the plan says as jobs
// that run side by side; it is woken by changes of the pod, events of the runtime, verdicts of probes, ended jobs and
// timers. Decisions are made one after the other; nothing the worker knows is needed by its next life.

import type { PodStatus } from '../../api/generated/types.ts'
import type { Container, Sandbox } from '../runtime/runtime.ts'
import { Alarm } from './alarm.ts'
import { cgroupOf, removeCgroups } from './cgroups.ts'
import { killContainer } from './container-killer.ts'
import { ContainerRefused, SandboxError, type StartStep, startContainer } from './container-starter.ts'
import type { Waiting } from './container-status.ts'
import type { PodDependencies } from './dependencies.ts'
import { runHook } from './lifecycle.ts'
import { type Ending, type Failure, keyOf, killKey, newestSandbox, planPod, type Step, sandboxKey } from './plan.ts'
import { findTemplate, gracePeriodOf, identityOf, isTerminal, type StoredPod } from './pod.ts'
import { ensureNetworkFiles, readTerminationMessage, writeNetworkFiles } from './pod-files.ts'
import { PodProbes } from './probes/pod-probes.ts'
import { bandwidthOf, makeSandboxSpec, portMappingsOf } from './sandbox-spec.ts'
import { makeStatus } from './status.ts'

/** Key of the job that follows the end of everything. */
const finishKey = 'finish'
const prepareRetryMs = 2_000
const sandboxRetryMs = 1_000
/** While jobs run, the runtime's events are mostly our own doing: looking again can wait this long. */
const settleMs = 150

export class PodWorker {
  readonly #deps: PodDependencies
  readonly #alarm = new Alarm()
  readonly #probes: PodProbes
  #pod: StoredPod
  /** The API no longer has the pod. */
  #gone = false
  #removed = false

  #sandboxes: Sandbox[] = []
  #containers: Container[] = []
  /** What the runtime has may differ from #sandboxes and #containers since then. */
  #dirtySinceMs: number | undefined = 0
  /** Raised by every job that changed them, so that a list taken meanwhile is not believed. */
  #version = 0

  readonly #jobs = new Map<string, Promise<void>>()
  readonly #notBefore = new Map<string, number>()
  readonly #waiting = new Map<string, Waiting>()
  readonly #failures = new Map<string, Failure>()
  readonly #stopped = new Set<string>()
  /** Sandboxes that are being stopped: they get no network any more. */
  readonly #doomed = new Set<string>()
  /** Network of a sandbox, made or being made. */
  readonly #attachments = new Map<string, Promise<readonly string[]>>()
  readonly #ips = new Map<string, readonly string[]>()
  readonly #messages = new Map<string, string>()
  /** Containers whose postStart hook has not ended: not yet started, in the eyes of probes. */
  readonly #hooked = new Set<string>()
  /** By container id: when it is killed for sure. */
  readonly #killDeadlines = new Map<string, number>()
  /** Aborted when the pod begins to end: a start that still waits for its image is given up. */
  readonly #life = new AbortController()
  #prepared: Promise<void> | undefined
  /** The API has something newer than the volumes show. */
  #refreshDue = false
  #admitted = false
  #failure: { reason: string; message: string } | undefined
  #status: PodStatus | undefined
  #finished: 'no' | 'terminal' | 'deleted' = 'no'

  constructor(deps: PodDependencies, pod: StoredPod) {
    this.#deps = deps
    this.#pod = pod
    this.#probes = new PodProbes({
      runtime: deps.runtime,
      now: deps.now,
      userAgent: 'kube-probe/1.35',
      onChange: () => this.#alarm.wake(),
      onUnhealthy: ({ name }, message) =>
        deps.emit(this.#pod, { type: 'Warning', reason: 'Unhealthy', message, container: name }),
    })
  }

  get pod(): StoredPod {
    return this.#pod
  }

  /** The status that was last reported, or the API's while none was. */
  get status(): PodStatus | undefined {
    return this.#status ?? this.#pod.status
  }

  /** True when the pod's life on this node is over but for its traces. */
  get isOver(): boolean {
    return this.#finished !== 'no' || isTerminal(this.#pod.status?.phase)
  }

  /** The API has a newer version of the pod. */
  update(pod: StoredPod): void {
    this.#pod = pod
    this.#hurryKills()
    this.#alarm.wake()
  }

  /** The API no longer has the pod: everything of it goes. */
  markGone(): void {
    this.#gone = true
    this.#hurryKills()
    this.#alarm.wake()
  }

  /** Something happened to the pod's sandbox or containers. */
  notice(): void {
    this.#dirtySinceMs ??= this.#deps.now()
    this.#alarm.wake()
  }

  /** True when the runtime has something else than the worker believes, though no event told of it. */
  differsFrom(sandboxes: readonly Sandbox[], containers: readonly Container[]): boolean {
    const sign = (things: readonly (Sandbox | Container)[]) =>
      things
        .map(({ id, state }) => `${id} ${state}`)
        .sort()
        .join('\n')
    return sign(sandboxes) !== sign(this.#sandboxes) || sign(containers) !== sign(this.#containers)
  }

  /** An object that the pod's volumes show has changed. */
  refreshVolumes(): void {
    this.#refreshDue = true
    this.#refresh()
  }

  /** What changes while the volumes are written is written right after; a failure is tried again. */
  #refresh(): void {
    if (!this.#refreshDue || this.#prepared === undefined || this.isOver || this.#life.signal.aborted) return
    this.#job('refresh', async () => {
      while (this.#refreshDue) {
        await this.#prepared
        this.#refreshDue = false
        await this.#deps.volumes.refresh(this.#pod, this.#downwardFacts()).catch((error: unknown) => {
          this.#refreshDue = true
          throw error
        })
      }
    })
  }

  /** Runs until nothing of the pod is left on this node, or the signal aborts; then containers stay as they are. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted && !this.#removed) {
      let wakeAtMs: number | undefined
      try {
        wakeAtMs = await this.#sync()
      } catch (error) {
        this.#deps.onError(error, this.#pod)
        wakeAtMs = this.#deps.now() + sandboxRetryMs
      }
      const delayMs = wakeAtMs === undefined ? undefined : Math.max(0, wakeAtMs - this.#deps.now())
      if (!this.#removed) await this.#alarm.wait(signal, delayMs)
    }
    this.#probes.close()
    await Promise.all(this.#jobs.values())
  }

  /** Looks, plans, acts once. Returns when to look again at the latest. */
  async #sync(): Promise<number | undefined> {
    const settledMs = this.#dirtySinceMs === undefined ? undefined : this.#dirtySinceMs + settleMs
    const mustSettle = settledMs !== undefined && this.#jobs.size > 0 && settledMs > this.#deps.now()
    if (settledMs !== undefined && !mustSettle) await this.#observe()
    const ending = this.#endingNow()
    if (ending !== undefined) this.#life.abort()
    const plan = planPod({
      pod: this.#pod,
      sandboxes: this.#sandboxes.map((known) => (this.#doomed.has(known.id) ? { ...known, state: 'notReady' } : known)),
      containers: this.#containers,
      busy: new Set(this.#jobs.keys()),
      notBeforeMs: this.#notBefore,
      failures: new Map([...this.#failures, ...this.#probes.failures]),
      stopped: this.#stopped,
      isStarted: (id) => this.#isStarted(id),
      restartCounts: restartCountsOf(this.#pod),
      nowMs: this.#deps.now(),
      ...(ending && { ending }),
    })
    for (const step of plan.steps) this.#act(step)
    this.#refresh()
    this.#syncProbes()
    this.#publish(ending !== undefined || plan.ended)
    if (plan.ended) this.#finish()
    const retries = [...this.#notBefore.values()].filter((ms) => ms > this.#deps.now())
    const wakes = [plan.wakeAtMs, mustSettle ? settledMs : undefined, this.#deadlineMs(), ...retries].filter(
      (ms) => ms !== undefined,
    )
    return wakes.length > 0 ? Math.min(...wakes) : undefined
  }

  async #observe(): Promise<void> {
    const { runtime, volumes } = this.#deps
    const { uid } = this.#pod.metadata
    const version = this.#version
    this.#dirtySinceMs = undefined
    const [sandboxes, containers] = await Promise.all([runtime.listSandboxes(uid), runtime.listContainers(uid)]).catch(
      (error: unknown) => {
        this.#dirtySinceMs = this.#deps.now()
        throw error
      },
    )
    if (version !== this.#version) {
      this.notice()
      return
    }
    this.#sandboxes = sandboxes
    this.#containers = containers
    const sandbox = newestSandbox(sandboxes)
    if (sandbox?.state === 'ready' && !this.#life.signal.aborted) {
      // After a restart of the agent: volumes are followed again, and the addresses are known again.
      void this.#prepare().catch(() => undefined) // running containers have their volumes; a start would report it
      void this.#attached(sandbox).catch(() => undefined) // it reports itself
    }
    for (const { id, name, attempt, state } of containers) {
      if (state !== 'exited' || this.#messages.has(id)) continue
      this.#messages.set(id, (await this.#readMessage(volumes.podDirectory(uid), id, name, attempt)) ?? '')
    }
  }

  async #readMessage(directory: string, id: string, name: string, attempt: number): Promise<string | undefined> {
    const message = await readTerminationMessage(directory, name, attempt)
    const template = findTemplate(this.#pod, name)?.template
    const exitCode = this.#containers.find((container) => container.id === id)?.exitCode
    if (message !== undefined || template?.terminationMessagePolicy !== 'FallbackToLogsOnError' || exitCode === 0)
      return message
    const log = await this.#deps.runtime.logs(id, { follow: false, tailLines: 80, timestamps: false })
    let text = ''
    for await (const chunk of log) text += String(chunk)
    return text.slice(-2048)
  }

  /** Why everything must end, or undefined while the pod shall live. */
  #endingNow(): Ending | undefined {
    const message = 'Stopping container'
    const { metadata, spec, status } = this.#pod
    if (this.#gone) return { graceSeconds: metadata.deletionGracePeriodSeconds ?? 2, message }
    if (metadata.deletionTimestamp !== undefined) return { graceSeconds: gracePeriodOf(this.#pod), message }
    if (isTerminal(status?.phase)) return { graceSeconds: gracePeriodOf(this.#pod), message }
    if (!this.#admitted) {
      this.#admitted = true
      const isNew = this.#containers.length === 0 && this.#sandboxes.length === 0
      this.#failure = isNew ? this.#deps.admit(this.#pod) : undefined
      if (this.#failure !== undefined) this.#deps.emit(this.#pod, { type: 'Warning', ...this.#failure })
    }
    const deadlineMs = this.#deadlineMs()
    if (this.#failure === undefined && deadlineMs !== undefined && deadlineMs <= this.#deps.now()) {
      const reason = 'DeadlineExceeded'
      this.#failure = { reason, message: 'Pod was active on the node longer than the specified deadline' }
      this.#deps.emit(this.#pod, { type: 'Normal', ...this.#failure })
    }
    return this.#failure && { graceSeconds: spec.terminationGracePeriodSeconds ?? 30, message }
  }

  #deadlineMs(): number | undefined {
    const { activeDeadlineSeconds } = this.#pod.spec
    const startTime = this.#status?.startTime ?? this.#pod.status?.startTime
    if (activeDeadlineSeconds === undefined || startTime === undefined || this.#failure !== undefined) return undefined
    return Date.parse(startTime) + activeDeadlineSeconds * 1000
  }

  #act(step: Step): void {
    this.#job(keyOf(step), async () => {
      switch (step.do) {
        case 'createSandbox':
          return await this.#createSandbox(step.attempt)
        case 'stopSandbox':
          return await this.#stopSandbox(step.sandbox)
        case 'startContainer':
          return await this.#startContainer(step)
        case 'killContainer':
          return await this.#kill(step.container, step.graceSeconds, step.message)
        case 'removeContainer':
          await this.#deps.runtime.removeContainer(step.container.id)
          this.#containers = this.#containers.filter(({ id }) => id !== step.container.id)
          this.#messages.delete(step.container.id)
          return
        case 'removeSandbox':
          await this.#deps.runtime.removeSandbox(step.sandbox.id)
          this.notice()
      }
    })
  }

  /** Starts work of which there is one at a time under that key; failures are tried again later. */
  #job(key: string, work: () => Promise<void>): void {
    if (this.#jobs.has(key) || (this.#notBefore.get(key) ?? 0) > this.#deps.now()) return
    const job = work()
      .then(
        () => void this.#notBefore.delete(key),
        (error: unknown) => this.#jobFailed(key, error),
      )
      .finally(() => {
        this.#version++
        this.#jobs.delete(key)
        this.#alarm.wake()
      })
    this.#jobs.set(key, job)
  }

  #jobFailed(key: string, error: unknown): void {
    this.notice()
    const retryAtMs = error instanceof ContainerRefused ? error.retryAtMs : this.#deps.now() + sandboxRetryMs
    this.#notBefore.set(key, retryAtMs)
    if (!(error instanceof ContainerRefused)) this.#deps.onError(error, this.#pod)
  }

  async #createSandbox(attempt: number): Promise<void> {
    const { runtime, node, emit } = this.#deps
    if (attempt > 0 && this.#containers.length > 0)
      emit(this.#pod, {
        type: 'Normal',
        reason: 'SandboxChanged',
        message: 'Pod sandbox changed, it will be killed and re-created.',
      })
    void this.#prepare().catch(() => undefined) // each container's start reports it
    try {
      const parent = cgroupOf(node.cgroups, this.#pod)
      const sandbox = await runtime.createSandbox(makeSandboxSpec(this.#pod, attempt, parent, node.name))
      this.#sandboxes = [...this.#sandboxes.filter(({ id }) => id !== sandbox.id), sandbox]
      void this.#attached(sandbox).catch(() => undefined) // it reports itself, and the starts that wait for it fail
    } catch (error) {
      this.#emitSandboxFailure(error)
      throw error
    }
  }

  #emitSandboxFailure(error: unknown): void {
    const why = error instanceof Error ? error.message : String(error)
    const message = `Failed to create pod sandbox: ${why}`
    this.#deps.emit(this.#pod, { type: 'Warning', reason: 'FailedCreatePodSandBox', message })
  }

  /** The sandbox's addresses, once it has its network. A sandbox without one is given up. */
  #attached(sandbox: Sandbox): Promise<readonly string[]> {
    const known = this.#attachments.get(sandbox.id)
    if (known !== undefined) return known
    if (this.#doomed.has(sandbox.id)) return Promise.reject(new SandboxError(`sandbox ${sandbox.id} is being stopped`))
    const attachment = this.#attach(sandbox).catch((error: unknown) => {
      throw new SandboxError(error instanceof Error ? error.message : String(error), { cause: error })
    })
    this.#attachments.set(sandbox.id, attachment)
    attachment.then(
      (ips) => {
        this.#ips.set(sandbox.id, ips)
        this.#alarm.wake()
      },
      (error: unknown) => {
        this.#emitSandboxFailure(error)
        this.#attachments.delete(sandbox.id)
        this.#doomed.add(sandbox.id)
        this.#notBefore.set(sandboxKey, this.#deps.now() + Math.min(sandboxRetryMs * 2 ** sandbox.attempt, 30_000))
        this.#alarm.wake()
      },
    )
    return attachment
  }

  async #attach(sandbox: Sandbox): Promise<readonly string[]> {
    const { network, node, policy, volumes } = this.#deps
    const directory = volumes.podDirectory(this.#pod.metadata.uid)
    let ips: readonly string[] = node.ips
    if (sandbox.network === 'pod') {
      const netns = `/proc/${sandbox.pid}/ns/net`
      const portMappings = portMappingsOf(this.#pod)
      const bandwidth = bandwidthOf(this.#pod)
      const request = { sandboxId: sandbox.id, pod: identityOf(this.#pod), netns, portMappings, bandwidth }
      ips = (await network.attach(request)).ips
      await policy.admit({ sandboxId: sandbox.id, pod: this.#pod, ips })
    }
    // After prepare, which writes the same files without addresses.
    await this.#prepared?.catch(() => undefined)
    await writeNetworkFiles(directory, this.#pod, ips, node.dns)
    return ips
  }

  async #stopSandbox(sandbox: Sandbox): Promise<void> {
    this.#doomed.add(sandbox.id)
    await this.#attachments.get(sandbox.id)?.catch(() => undefined)
    // Detach first: once the pause process is gone, so is the namespace that DEL would clean.
    if (sandbox.network === 'pod') await this.#deps.network.detach(sandbox.id)
    this.#deps.policy.release(sandbox.id)
    await this.#deps.runtime.stopSandbox(sandbox.id)
    this.#stopped.add(sandbox.id)
    this.#attachments.delete(sandbox.id)
    this.#ips.delete(sandbox.id)
    this.#sandboxes = this.#sandboxes.map((known) =>
      known.id === sandbox.id ? { ...known, state: 'notReady' } : known,
    )
    this.notice()
  }

  #prepare(): Promise<void> {
    if (this.#prepared !== undefined) return this.#prepared
    const { volumes, node } = this.#deps
    const directory = volumes.podDirectory(this.#pod.metadata.uid)
    const prepared = volumes
      .prepare(this.#pod, this.#downwardFacts())
      .then(() => ensureNetworkFiles(directory, this.#pod, node.dns))
    this.#prepared = prepared
    prepared.catch(() => {
      setTimeout(() => {
        if (this.#prepared === prepared) this.#prepared = undefined
      }, prepareRetryMs - 100).unref()
    })
    return prepared
  }

  async #startContainer(step: StartStep): Promise<void> {
    const { name } = step.template
    if (this.#doomed.has(step.sandbox.id)) return // planned before it was given up: the next plan has another sandbox
    const preparation = { prepared: this.#prepare(), attached: this.#attached(step.sandbox), ending: this.#life.signal }
    for (const promise of [preparation.prepared, preparation.attached]) promise.catch(() => undefined) // the start awaits them
    const hook = step.template.lifecycle?.postStart
    try {
      const id = await startContainer(this.#deps, this.#pod, step, preparation, (created) => {
        this.#version++
        this.#containers = [...this.#containers.filter((known) => known.id !== created.id), created]
        if (hook !== undefined) this.#hooked.add(created.id)
      })
      this.#waiting.delete(name)
      const startedAtMs = this.#deps.now()
      this.#containers = this.#containers.map((known) =>
        known.id === id && known.state === 'created' ? { ...known, state: 'running', startedAtMs } : known,
      )
      if (hook !== undefined) this.#job(`postStart ${id}`, () => this.#runPostStart(step, id))
    } catch (error) {
      // Whatever went wrong in a sandbox that was given up meanwhile is not the container's fault.
      if (this.#doomed.has(step.sandbox.id)) return
      if (error instanceof ContainerRefused) this.#waiting.set(name, error.waiting)
      throw error
    } finally {
      this.notice()
    }
  }

  async #runPostStart({ template }: StartStep, containerId: string): Promise<void> {
    const hook = template.lifecycle?.postStart ?? {}
    const [ip = this.#deps.node.ip] = this.#ipsNow()
    const target = {
      runtime: this.#deps.runtime,
      containerId,
      template,
      ip,
      timeoutMs: 2 ** 31 - 1,
      userAgent: 'fairlead-hook',
    }
    const failure = await runHook(hook, target)
    this.#hooked.delete(containerId)
    if (failure === undefined) return
    const container = template.name
    this.#deps.emit(this.#pod, {
      type: 'Warning',
      reason: 'FailedPostStartHook',
      message: `PostStartHook failed: ${failure}`,
      container,
    })
    this.#failures.set(containerId, { message: 'FailedPostStartHook' })
  }

  async #kill(container: Container, graceSeconds: number, message: string): Promise<void> {
    const [ip = this.#deps.node.ip] = this.#ipsNow()
    this.#killDeadlines.set(container.id, this.#deps.now() + graceSeconds * 1000)
    try {
      await killContainer(this.#deps, this.#pod, { container, graceSeconds, message, ip })
    } finally {
      this.#killDeadlines.delete(container.id)
      this.#failures.delete(container.id)
      this.#dirtySinceMs = 0
    }
  }

  /** Kills under way with more patience than the pod now asks for are made shorter. */
  #hurryKills(): void {
    const { metadata } = this.#pod
    const graceSeconds = metadata.deletionGracePeriodSeconds ?? (this.#gone ? 2 : undefined)
    if (graceSeconds === undefined || (metadata.deletionTimestamp === undefined && !this.#gone)) return
    const deadlineMs = this.#deps.now() + graceSeconds * 1000
    for (const [id, knownMs] of this.#killDeadlines) {
      if (knownMs <= deadlineMs || !this.#jobs.has(killKey(id))) continue
      this.#killDeadlines.set(id, deadlineMs)
      this.#job(`hurry ${id} ${graceSeconds}`, () => this.#deps.runtime.stopContainer(id, graceSeconds))
    }
  }

  #syncProbes(): void {
    const known = [...(this.#pod.status?.initContainerStatuses ?? []), ...(this.#pod.status?.containerStatuses ?? [])]
    const [ip] = this.#ipsNow()
    const running = this.#containers.flatMap((container) => {
      const found = findTemplate(this.#pod, container.name)
      const isLive = container.state === 'running' && !this.#hooked.has(container.id)
      if (!isLive || found === undefined || found.role === 'init' || ip === undefined) return []
      const status = known.find(({ containerID }) => containerID === `docker://${container.id}`)
      const before = { wasReady: status?.ready ?? false, wasStarted: status?.started ?? false }
      return [{ container, template: found.template, ip, ...before }]
    })
    this.#probes.sync(running)
  }

  #isStarted(containerId: string): boolean {
    return !this.#hooked.has(containerId) && this.#probes.isStarted(containerId)
  }

  #ipsNow(): readonly string[] {
    const sandbox = newestSandbox(this.#sandboxes)
    return (sandbox?.state === 'ready' && this.#ips.get(sandbox.id)) || []
  }

  #downwardFacts() {
    const { ip: hostIp, allocatable } = this.#deps.node
    return { podIps: this.#ipsNow(), hostIp, allocatable }
  }

  #publish(ending: boolean): void {
    if (this.#gone) return
    const pod = { ...this.#pod, status: this.#knownStatus() }
    const status = makeStatus(pod, {
      containers: this.#containers,
      waiting: this.#waiting,
      isReady: (id) => this.#probes.isReady(id),
      isStarted: (id) => this.#isStarted(id),
      terminationMessages: this.#messages,
      ending,
      ips: this.#ipsNow(),
      hostIps: this.#deps.node.ips,
      nowMs: this.#deps.now(),
      ...(this.#failure && { failure: this.#failure }),
    })
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
    if (this.#gone) this.#job(finishKey, () => this.#removeTraces())
    else if (isDeleted && this.#finished !== 'deleted') this.#job(finishKey, () => this.#finishDeleted())
    else if (this.#finished === 'no') {
      this.#finished = 'terminal'
      this.#job('clean', () => this.#clean())
    }
  }

  async #finishDeleted(): Promise<void> {
    await Promise.all([this.#deps.statuses.flush(this.#pod.metadata.uid), this.#clean()])
    await this.#deps.deletePod(this.#pod)
    this.#finished = 'deleted'
  }

  async #clean(): Promise<void> {
    const { uid } = this.#pod.metadata
    this.#prepared = undefined
    await this.#deps.volumes.remove(uid)
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
    this.#removed = true
  }
}

/** Restart counts of containers that have existed, as the API knows them. */
function restartCountsOf({ status }: StoredPod): Map<string, number> {
  const statuses = [...(status?.initContainerStatuses ?? []), ...(status?.containerStatuses ?? [])]
  return new Map(
    statuses.filter(({ containerID }) => containerID).map(({ name, restartCount }) => [name, restartCount]),
  )
}
