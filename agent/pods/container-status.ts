// One container's status as kubectl shows it, from what the runtime has. Pure.

import type { ContainerState, ContainerStatus, Container as ContainerTemplate } from '../../api/generated/types.ts'
import type { Container } from '../runtime/runtime.ts'
import { latestOf } from './plan.ts'
import type { ContainerRole, StoredPod } from './pod.ts'
import { endedAt, isRestartable, planRestart } from './restart.ts'

/** Why a container has not been started. */
export interface Waiting {
  reason: string
  message?: string
}

/** What the runtime and the worker know beside the pod itself. */
export interface ContainerFacts {
  containers: readonly Container[]
  /** By container name: why the last try to start it came to nothing. */
  waiting: ReadonlyMap<string, Waiting>
  /** By container id. */
  isReady: (containerId: string) => boolean
  isStarted: (containerId: string) => boolean
  /** By container id: what an ended container left at its terminationMessagePath. */
  terminationMessages: ReadonlyMap<string, string>
  /** True when the pod ends and nothing is restarted any more. */
  ending: boolean
  nowMs: number
}

/** The status of one container; old is what the API has of it. */
export function makeContainerStatus(
  pod: StoredPod,
  { template, role }: { template: ContainerTemplate; role: ContainerRole },
  old: ContainerStatus | undefined,
  facts: ContainerFacts,
): ContainerStatus {
  const latest = latestOf(facts.containers, template.name)
  const base = { name: template.name, image: template.image ?? '', imageID: '', ready: false, started: false }
  if (latest === undefined) return withoutContainer(pod, base, old, facts)
  const previous = latestOf(
    facts.containers.filter(({ attempt }) => attempt < latest.attempt),
    template.name,
  )
  const { state, last } = statesOf(pod, role, latest, facts)
  const lastState = last ?? (previous ? toTerminated(previous, facts) : old?.lastState) ?? {}
  return {
    ...base,
    imageID: latest.imageId === '' ? '' : `docker://${latest.imageId}`,
    containerID: `docker://${latest.id}`,
    restartCount: latest.attempt,
    state,
    lastState,
    ready: isReady(role, latest, state, facts),
    started: state.running !== undefined && facts.isStarted(latest.id),
  }
}

type Base = Pick<ContainerStatus, 'name' | 'image' | 'imageID' | 'ready' | 'started'>

function withoutContainer(
  pod: StoredPod,
  base: Base,
  old: ContainerStatus | undefined,
  { waiting, ending }: ContainerFacts,
): ContainerStatus {
  const restartCount = old?.restartCount ?? 0
  const lastState = old?.lastState ?? {}
  // A container that ran and is gone without a trace: nothing better is known than what was reported.
  if (old?.state?.terminated !== undefined) return { ...base, ...old, ready: old.ready, started: false }
  if (ending && old?.state?.running !== undefined) {
    const terminated = { exitCode: 137, reason: 'ContainerStatusUnknown', message: unknownMessage }
    return { ...base, ...old, state: { terminated }, ready: false, started: false }
  }
  const state = { waiting: waiting.get(base.name) ?? firstWaiting(pod) }
  return { ...base, restartCount, state, lastState }
}

const unknownMessage = 'The container could not be located when the pod was terminated'

function firstWaiting({ spec }: StoredPod): Waiting {
  return { reason: (spec.initContainers?.length ?? 0) > 0 ? 'PodInitializing' : 'ContainerCreating' }
}

/** The present state, and the last one when the present is a wait for a restart. */
function statesOf(
  pod: StoredPod,
  role: ContainerRole,
  latest: Container,
  facts: ContainerFacts,
): { state: ContainerState; last?: ContainerState } {
  const refused = facts.waiting.get(latest.name)
  if (latest.state === 'created') return { state: { waiting: refused ?? firstWaiting(pod) } }
  if (latest.state === 'running') return { state: { running: { startedAt: toTime(latest.startedAtMs) } } }
  const terminated = toTerminated(latest, facts)
  if (facts.ending || !isRestartable(pod.spec.restartPolicy, role, latest.exitCode)) return { state: terminated }
  const { atMs, delayMs } = planRestart(latest)
  if (delayMs > 0 && atMs > facts.nowMs)
    return { state: { waiting: crashLoop(pod, latest, delayMs) }, last: terminated }
  return refused === undefined ? { state: terminated } : { state: { waiting: refused }, last: terminated }
}

function crashLoop({ metadata }: StoredPod, { name }: Container, delayMs: number): Waiting {
  const { namespace = 'default', uid } = metadata
  const wait =
    delayMs >= 60_000 ? `${Math.floor(delayMs / 60_000)}m${(delayMs % 60_000) / 1000}s` : `${delayMs / 1000}s`
  const message = `back-off ${wait} restarting failed container=${name} pod=${metadata.name}_${namespace}(${uid})`
  return { reason: 'CrashLoopBackOff', message }
}

function toTerminated(container: Container, { terminationMessages }: ContainerFacts): ContainerState {
  const { id, exitCode, startedAtMs } = container
  // ContainerCannotRun is the runtime's word; Kubernetes' users know it as StartError.
  const couldNotRun = container.reason === 'ContainerCannotRun'
  const reason = couldNotRun ? 'StartError' : container.reason || (exitCode === 0 ? 'Completed' : 'Error')
  const message = couldNotRun ? container.message : (terminationMessages.get(id) ?? container.message)
  return {
    terminated: {
      exitCode,
      reason,
      ...(message !== '' && { message }),
      startedAt: toTime(startedAtMs > 0 ? startedAtMs : container.createdAtMs),
      finishedAt: toTime(endedAt(container)),
      containerID: `docker://${id}`,
    },
  }
}

function isReady(role: ContainerRole, latest: Container, state: ContainerState, facts: ContainerFacts): boolean {
  if (role === 'init') return state.terminated?.exitCode === 0
  return state.running !== undefined && facts.isStarted(latest.id) && facts.isReady(latest.id)
}

/** RFC 3339 with seconds, as Kubernetes writes times of statuses. */
export function toTime(ms: number): string {
  return new Date(ms).toISOString().replace(/\.\d+Z$/, 'Z')
}
