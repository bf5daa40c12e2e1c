// Decides what to do next about one pod, from what is true now: the pod as the API has it, its sandboxes and containers
// as the runtime has them, and what the worker has under way. Pure: asked again with the same, it says the same.

import type { Container as ContainerTemplate } from '../../api/generated/types.ts'
import type { Container, Sandbox } from '../runtime/runtime.ts'
import { type ContainerRole, gracePeriodOf, listTemplates, type StoredPod } from './pod.ts'
import { isRestartable, planRestart } from './restart.ts'

/** Why the whole pod has to end, and how fast. */
export interface Ending {
  graceSeconds: number
  message: string
}

/** Why one container has to end: a failed probe or hook. */
export interface Failure {
  message: string
  graceSeconds?: number
}

export interface PlanInput {
  pod: StoredPod
  sandboxes: readonly Sandbox[]
  containers: readonly Container[]
  /** Job keys (sandboxKey, startKey, killKey) with work under way. */
  busy: ReadonlySet<string>
  /** Job keys that failed: not to be tried again before this time. */
  notBeforeMs: ReadonlyMap<string, number>
  /** By container id. */
  failures: ReadonlyMap<string, Failure>
  /** Sandboxes whose network and processes are known to be gone. */
  stopped: ReadonlySet<string>
  /** True when the container's startup probe, if any, has succeeded. */
  isStarted: (containerId: string) => boolean
  /** Restart counts that the API knows, by container name: for containers that are gone. */
  restartCounts: ReadonlyMap<string, number>
  ending?: Ending
  /** When a plan first said that everything ends; absent: none has. */
  endingSinceMs?: number
  nowMs: number
}

export type Step =
  | { do: 'createSandbox'; attempt: number }
  | { do: 'stopSandbox'; sandbox: Sandbox }
  | { do: 'removeSandbox'; sandbox: Sandbox }
  | {
      do: 'startContainer'
      sandbox: Sandbox
      template: ContainerTemplate
      role: ContainerRole
      attempt: number
      restartDelayMs: number
    }
  | { do: 'killContainer'; container: Container; graceSeconds: number; message: string }
  | { do: 'removeContainer'; container: Container }

export interface Plan {
  steps: Step[]
  /** Look again then, if nothing else wakes the worker. */
  wakeAtMs?: number
  /** Everything of the pod is being ended, or has: it was told to end, or is done. */
  ends: boolean
  /** Nothing of the pod runs any more, nor will. */
  ended: boolean
}

export const sandboxKey = 'sandbox'
export const startKey = (containerName: string) => `start ${containerName}`
export const killKey = (containerId: string) => `kill ${containerId}`
const removeKey = (id: string) => `remove ${id}`

/** The key of the job that a step becomes: at most one of a key runs at a time. */
export function keyOf(step: Step): string {
  switch (step.do) {
    case 'createSandbox':
      return sandboxKey
    case 'stopSandbox':
      return `stop ${step.sandbox.id}`
    case 'removeSandbox':
      return removeKey(step.sandbox.id)
    case 'removeContainer':
      return removeKey(step.container.id)
    case 'startContainer':
      return startKey(step.template.name)
    case 'killContainer':
      return killKey(step.container.id)
  }
}

/** The newest container of that name, or undefined. */
export function latestOf(containers: readonly Container[], name: string): Container | undefined {
  return containers
    .filter((container) => container.name === name)
    .reduce<Container | undefined>((best, next) => (best && best.attempt >= next.attempt ? best : next), undefined)
}

/** The newest sandbox, or undefined. */
export function newestSandbox(sandboxes: readonly Sandbox[]): Sandbox | undefined {
  return sandboxes.reduce<Sandbox | undefined>(
    (best, next) => (best && best.attempt >= next.attempt ? best : next),
    undefined,
  )
}

/** Decides the next steps; they may be acted on at the same time. Steps whose key is busy are left out. */
export function planPod(input: PlanInput): Plan {
  const ends = input.ending !== undefined || isFinished(input)
  const drafts = ends ? planEnd(input) : planLife(input)
  const wakes: number[] = drafts.wakes
  const steps = drafts.steps.filter((step) => {
    const key = keyOf(step)
    if (input.busy.has(key)) return false
    const notBefore = input.notBeforeMs.get(key) ?? 0
    if (notBefore > input.nowMs) wakes.push(notBefore)
    return notBefore <= input.nowMs
  })
  const ended = drafts.steps.length === 0 && drafts.ending
  return { steps, ends, ended, ...(wakes.length > 0 && { wakeAtMs: Math.min(...wakes) }) }
}

interface Draft {
  steps: Step[]
  wakes: number[]
  ending: boolean
}

/** True when every app container has ended and none runs again, or an init container failed for good. */
function isFinished({ pod, containers }: Pick<PlanInput, 'pod' | 'containers'>): boolean {
  const policy = pod.spec.restartPolicy
  const isDone = (name: string, role: ContainerRole) => {
    const latest = latestOf(containers, name)
    return latest?.state === 'exited' && !isRestartable(policy, role, latest.exitCode)
  }
  const initFailed = (pod.spec.initContainers ?? []).some(({ name, restartPolicy }) => {
    const latest = latestOf(containers, name)
    return restartPolicy !== 'Always' && latest?.exitCode !== 0 && isDone(name, 'init')
  })
  return initFailed || pod.spec.containers.every(({ name }) => isDone(name, 'app'))
}

/** What a sidecar has at least, in seconds, when the containers before it took all of the pod's grace period (the kubelet's own). */
const leastSidecarSeconds = 2

/** Apps end first, then sidecars in reverse order of their start, within one grace period; then the sandbox with its network. */
function planEnd({ pod, sandboxes, containers, stopped, ending, endingSinceMs, busy, nowMs }: PlanInput): Draft {
  const { graceSeconds, message } = ending ?? { graceSeconds: gracePeriodOf(pod), message: 'Stopping container' }
  const done = (steps: Step[]): Draft => ({ steps, wakes: [], ending: true })
  const live = containers.filter(({ state }) => state === 'running')
  const sidecars = listTemplates(pod)
    .filter(({ role }) => role === 'sidecar')
    .map(({ template }) => template.name)
  const apps = live.filter(({ name }) => !sidecars.includes(name))
  const kill = (container: Container, seconds: number): Step => ({
    do: 'killContainer',
    container,
    graceSeconds: seconds,
    message: `${message} ${container.name}`,
  })
  if (apps.length > 0) return done(apps.map((app) => kill(app, graceSeconds)))
  const last = live.sort((a, b) => sidecars.indexOf(b.name) - sidecars.indexOf(a.name))[0]
  const leftSeconds = Math.ceil(graceSeconds - (nowMs - (endingSinceMs ?? nowMs)) / 1000)
  if (last !== undefined) return done([kill(last, Math.max(leftSeconds, Math.min(leastSidecarSeconds, graceSeconds)))])
  // A start under way may yet bring a container or a sandbox to life: it is ended then, and nothing before that is over.
  if ([...busy].some((key) => key === sandboxKey || key.startsWith(startKey(''))))
    return { steps: [], wakes: [], ending: false }
  return done(sandboxes.filter(({ id, state }) => state === 'ready' || !stopped.has(id)).map(stop))
}

const stop = (sandbox: Sandbox): Step => ({ do: 'stopSandbox', sandbox })

function planLife(input: PlanInput): Draft {
  const { sandboxes, containers, stopped, busy } = input
  const sandbox = newestSandbox(sandboxes)
  if (sandbox?.state === 'ready') {
    const { steps, wakes } = planContainers(input, sandbox)
    return { steps: [...steps, ...planRemoval(input, sandbox)], wakes, ending: false }
  }
  const draft = (steps: Step[]): Draft => ({ steps, wakes: [], ending: false })
  // Containers outlive their pause container; with its namespaces' owner gone they cannot stay.
  const live = containers.filter(({ state }) => state === 'running')
  if (live.length > 0) return draft(live.map((container) => killOrphaned(input, container)))
  // The one that is being made may be seen before it runs: stopped now, it would run afterwards.
  if (busy.has(sandboxKey)) return draft([])
  const unstopped = sandboxes.filter(({ id }) => !stopped.has(id))
  if (unstopped.length > 0) return draft(unstopped.map(stop))
  return draft([{ do: 'createSandbox', attempt: (sandbox?.attempt ?? -1) + 1 }])
}

function killOrphaned({ pod }: PlanInput, container: Container): Step {
  const message = `Pod sandbox changed, it will be killed and re-created: ${container.name}`
  return { do: 'killContainer', container, graceSeconds: Math.min(gracePeriodOf(pod), 2), message }
}

function planContainers(input: PlanInput, sandbox: Sandbox): Pick<Draft, 'steps' | 'wakes'> {
  const draft = { steps: [] as Step[], wakes: [] as number[] }
  const here = input.containers.filter(({ sandboxId }) => sandboxId === sandbox.id)
  const templates = listTemplates(input.pod)
  // Once an app container exists, initialisation is over: only sidecars are kept alive.
  const initialized = templates.some(({ template, role }) => role === 'app' && latestOf(here, template.name))
  for (const { template, role } of templates) {
    if (role === 'init' && initialized) continue
    const settled = planContainer(input, sandbox, template, role, draft)
    if (!settled && role !== 'app' && !initialized) return draft
  }
  return draft
}

/** Adds the container's steps; true when an init container has done its part, so that the next may start. */
function planContainer(
  input: PlanInput,
  sandbox: Sandbox,
  template: ContainerTemplate,
  role: ContainerRole,
  draft: Pick<Draft, 'steps' | 'wakes'>,
): boolean {
  const latest = latestOf(input.containers, template.name)
  const start = (attempt: number, restartDelayMs: number) =>
    draft.steps.push({ do: 'startContainer', sandbox, template, role, attempt, restartDelayMs })
  if (latest === undefined) {
    const known = input.restartCounts.get(template.name)
    start(known === undefined ? 0 : known + 1, 0)
    return false
  }
  if (latest.sandboxId !== sandbox.id) {
    const { restartPolicy } = input.pod.spec
    if (role === 'app' && latest.state === 'exited' && !isRestartable(restartPolicy, role, latest.exitCode)) return true
    start(latest.attempt + 1, planRestart(latest).delayMs)
    return false
  }
  if (latest.state === 'created') {
    start(latest.attempt, planRestart(latest).delayMs)
    return false
  }
  if (latest.state === 'running') {
    const failure = input.failures.get(latest.id)
    if (failure !== undefined) draft.steps.push(killFailed(input, latest, failure))
    return role === 'sidecar' && failure === undefined && input.isStarted(latest.id)
  }
  if (!isRestartable(input.pod.spec.restartPolicy, role, latest.exitCode)) return true
  const { atMs, nextDelayMs } = planRestart(latest)
  if (atMs > input.nowMs) draft.wakes.push(atMs)
  else start(latest.attempt + 1, nextDelayMs)
  return false
}

function killFailed({ pod }: PlanInput, container: Container, failure: Failure): Step {
  const graceSeconds = failure.graceSeconds ?? pod.spec.terminationGracePeriodSeconds ?? 30
  return { do: 'killContainer', container, graceSeconds, message: failure.message }
}

/** Of each container the newest and the one before it stay, for status and `logs --previous`. */
function planRemoval({ sandboxes, containers, stopped }: PlanInput, newest: Sandbox): Step[] {
  const steps: Step[] = []
  for (const container of containers) {
    const newer = containers.filter(({ name, attempt }) => name === container.name && attempt > container.attempt)
    if (newer.length >= 2 && container.state !== 'running') steps.push({ do: 'removeContainer', container })
  }
  for (const sandbox of sandboxes.filter(({ id }) => id !== newest.id)) {
    if (!stopped.has(sandbox.id)) steps.push(stop(sandbox))
    else if (isSuperseded(containers, sandbox, newest)) steps.push({ do: 'removeSandbox', sandbox })
  }
  return steps
}

function isSuperseded(containers: readonly Container[], sandbox: Sandbox, newest: Sandbox): boolean {
  const names = containers.filter(({ sandboxId }) => sandboxId === sandbox.id).map(({ name }) => name)
  return names.every((name) => latestOf(containers, name)?.sandboxId === newest.id)
}
