// The words of `kubectl get pods`: one status for a pod of many containers. In the order of what hinders the pod first:
// an init container, an app container, the phase; deletion stands above them all.

import type { ContainerState, ContainerStatus, Pod, PodStatus } from '../generated/types.ts'
import type { Stored } from '../objects/object.ts'
import { since } from './cells.ts'

/** What the columns Ready, Status and Restarts show. */
export interface PodSummary {
  readonly ready: number
  readonly total: number
  readonly status: string
  readonly restarts: number
  readonly lastRestart: string | undefined
}

interface Progress {
  status: string
  ready: number
  isInitializing: boolean
}

/** Sums up a pod. */
export function summarizePod(pod: Stored<Pod>): PodSummary {
  const status = pod.status ?? {}
  const sidecars = sidecarNames(pod)
  const init = summarizeInit(pod, status, sidecars)
  const showsInit = init.isInitializing && !hasCondition(status, 'Initialized')
  const main = showsInit ? init : summarizeContainers(status, init)
  const initStatuses = status.initContainerStatuses ?? []
  const counted = showsInit
    ? initStatuses
    : [...initStatuses.filter(({ name }) => sidecars.has(name)), ...(status.containerStatuses ?? [])]
  return {
    ready: main.ready,
    total: (pod.spec.containers ?? []).length + sidecars.size,
    status: deletionWord(pod) ?? main.status,
    restarts: counted.reduce((sum, { restartCount }) => sum + (restartCount ?? 0), 0),
    lastRestart: lastRestartOf(counted),
  }
}

/** "3 (2m ago)". */
export function formatRestarts({ restarts, lastRestart }: PodSummary, nowMs: number): string {
  return restarts === 0 || lastRestart === undefined
    ? String(restarts)
    : `${restarts} (${since(lastRestart, nowMs)} ago)`
}

function sidecarNames(pod: Stored<Pod>): Set<string> {
  const sidecars = (pod.spec.initContainers ?? []).filter(({ restartPolicy }) => restartPolicy === 'Always')
  return new Set(sidecars.map(({ name }) => name))
}

function summarizeInit(pod: Stored<Pod>, status: PodStatus, sidecars: ReadonlySet<string>): Progress {
  const progress: Progress = { status: phaseWord(status), ready: 0, isInitializing: false }
  const total = pod.spec.initContainers?.length ?? 0
  for (const [index, container] of (status.initContainerStatuses ?? []).entries()) {
    if (container.state?.terminated?.exitCode === 0) continue
    if (sidecars.has(container.name) && container.started === true) {
      if (container.ready) progress.ready++
      continue
    }
    return { ...progress, status: initWord(container.state, `Init:${index}/${total}`), isInitializing: true }
  }
  return progress
}

function initWord(state: ContainerState | undefined, otherwise: string): string {
  if (state?.terminated !== undefined) return `Init:${terminatedWord(state.terminated)}`
  const reason = state?.waiting?.reason
  return reason === undefined || reason === '' || reason === 'PodInitializing' ? otherwise : `Init:${reason}`
}

/** The word of the first container in trouble, so the list is read from its end. */
function summarizeContainers(status: PodStatus, init: Progress): Progress {
  let word = init.status
  let { ready } = init
  let hasRunning = false
  for (const container of (status.containerStatuses ?? []).toReversed()) {
    const { waiting, terminated, running } = container.state ?? {}
    if (waiting?.reason) word = waiting.reason
    else if (terminated !== undefined) word = terminatedWord(terminated)
    else if (container.ready && running !== undefined) {
      hasRunning = true
      ready++
    }
  }
  if (word === 'Completed' && hasRunning) word = hasCondition(status, 'Ready') ? 'Running' : 'NotReady'
  return { status: word, ready, isInitializing: init.isInitializing }
}

function phaseWord(status: PodStatus): string {
  const isGated = status.conditions?.some(({ type, reason }) => type === 'PodScheduled' && reason === 'SchedulingGated')
  return isGated === true ? 'SchedulingGated' : status.reason || (status.phase ?? 'Pending')
}

function terminatedWord({ reason, signal, exitCode }: NonNullable<ContainerState['terminated']>): string {
  if (reason) return reason
  return signal !== undefined && signal !== 0 ? `Signal:${signal}` : `ExitCode:${exitCode}`
}

function deletionWord({ metadata, status }: Stored<Pod>): string | undefined {
  if (metadata.deletionTimestamp === undefined) return undefined
  if (status?.reason === 'NodeLost') return 'Unknown'
  return status?.phase === 'Succeeded' || status?.phase === 'Failed' ? undefined : 'Terminating'
}

function hasCondition(status: PodStatus, type: string): boolean {
  return status.conditions?.some((condition) => condition.type === type && condition.status === 'True') === true
}

function lastRestartOf(statuses: readonly ContainerStatus[]): string | undefined {
  const ends = statuses.flatMap(({ lastState }) => lastState?.terminated?.finishedAt ?? [])
  return ends.sort().at(-1)
}
