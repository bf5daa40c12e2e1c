// The pod's status as kubectl shows it: phase, conditions, addresses and the statuses of its containers. Pure.

import type { ContainerStatus, PodCondition, PodStatus } from '../../api/generated/types.ts'
import { type ContainerFacts, makeContainerStatus, toTime } from './container-status.ts'
import { containerStatusesOf, isSidecar, isTerminal, listTemplates, qosClassOf, type StoredPod } from './pod.ts'
import type { PodFailure } from './pod-ending.ts'

export interface StatusFacts extends ContainerFacts {
  /** Addresses of the ready sandbox; empty while there is none. */
  ips: readonly string[]
  /** The node's addresses, one a family. */
  hostIps: readonly string[]
  /** Set when the pod was refused or ended by the node itself: it is Failed, whatever its containers say. */
  failure?: PodFailure
}

/** What pods/status should hold now. Conditions that others wrote are kept. */
export function makeStatus(pod: StoredPod, facts: StatusFacts): PodStatus {
  const old: PodStatus = pod.status ?? {}
  if (isTerminal(old.phase) && isFinal(old, facts)) return old
  const statuses = makeStatuses(pod, old, facts)
  const phase = isTerminal(old.phase) ? (old.phase ?? '') : phaseOf(pod, statuses, facts)
  const { generation } = pod.metadata
  return {
    ...(generation !== undefined && { observedGeneration: generation }),
    phase,
    ...endReason(old, facts),
    hostIP: facts.hostIps[0] ?? '',
    hostIPs: facts.hostIps.map((ip) => ({ ip })),
    ...addresses(old, facts, phase),
    startTime: old.startTime ?? toTime(facts.nowMs),
    qosClass: qosClassOf(pod),
    conditions: makeConditions(pod, old.conditions ?? [], statuses, phase, facts),
    ...(statuses.init.length > 0 && { initContainerStatuses: statuses.init }),
    containerStatuses: statuses.app,
  }
}

/** A pod that has ended keeps its last word: containers and their messages may be cleaned up meanwhile. */
function isFinal({ containerStatuses = [] }: PodStatus, { containers }: StatusFacts): boolean {
  return (
    containers.every(({ state }) => state !== 'running') &&
    (containers.length === 0 || containerStatuses.every(({ state }) => state?.terminated !== undefined))
  )
}

interface Statuses {
  init: ContainerStatus[]
  app: ContainerStatus[]
}

function makeStatuses(pod: StoredPod, old: PodStatus, facts: StatusFacts): Statuses {
  const known = containerStatusesOf({ status: old })
  const all = listTemplates(pod).map((entry) => ({
    role: entry.role,
    status: makeContainerStatus(
      pod,
      entry,
      known.find(({ name }) => name === entry.template.name),
      facts,
    ),
  }))
  return {
    init: all.filter(({ role }) => role !== 'app').map(({ status }) => status),
    app: all.filter(({ role }) => role === 'app').map(({ status }) => status),
  }
}

function endReason(old: PodStatus, { failure }: StatusFacts): Pick<PodStatus, 'reason' | 'message'> {
  const { reason, message } = failure ?? old
  return { ...(reason !== undefined && { reason }), ...(message !== undefined && { message }) }
}

function addresses(old: PodStatus, { ips }: StatusFacts, phase: string): Pick<PodStatus, 'podIP' | 'podIPs'> {
  // A pod that has ended keeps its last address in its status, though others may have it by now.
  if (ips.length === 0 && isTerminal(phase) && old.podIP) return { podIP: old.podIP, podIPs: old.podIPs }
  return ips.length === 0 ? {} : { podIP: ips[0], podIPs: ips.map((ip) => ({ ip })) }
}

function phaseOf(pod: StoredPod, { init, app }: Statuses, facts: StatusFacts): string {
  if (facts.failure !== undefined) return 'Failed'
  const { restartPolicy = 'Always' } = pod.spec
  const ended = app.filter(hasEnded)
  const succeeded = ended.filter(({ state }) => state?.terminated?.exitCode === 0)
  const initOk = init.every((status) => isInitDone(pod, status))
  const initFailed = init.some((status) => !isInitDone(pod, status) && (status.state?.terminated?.exitCode ?? 0) !== 0)
  const running = app.filter(({ state }) => state?.running !== undefined)
  if (facts.ending && running.length === 0 && noneRuns(init)) {
    if (app.some((status) => !hasEnded(status))) return ended.length + init.length > 0 ? 'Failed' : 'Pending'
    return succeeded.length === app.length ? 'Succeeded' : 'Failed'
  }
  if (!initOk) return initFailed && restartPolicy === 'Never' ? 'Failed' : 'Pending'
  if (app.some((status) => status.state?.waiting !== undefined && !hasEnded(status))) return 'Pending'
  if (running.length > 0 || ended.length === 0 || restartPolicy === 'Always') return 'Running'
  if (!noneRuns(init)) return 'Running'
  if (succeeded.length === app.length) return 'Succeeded'
  return restartPolicy === 'Never' ? 'Failed' : 'Running'
}

/** Ended now, or waiting to run again after an end. */
function hasEnded({ state, lastState }: ContainerStatus): boolean {
  return state?.terminated !== undefined || (state?.waiting !== undefined && lastState?.terminated !== undefined)
}

const noneRuns = (statuses: ContainerStatus[]) => statuses.every(({ state }) => state?.running === undefined)

function isInitDone({ spec }: StoredPod, { name, state, started, lastState }: ContainerStatus): boolean {
  const template = spec.initContainers?.find((container) => container.name === name)
  if (template !== undefined && isSidecar(template))
    return started === true || lastState?.terminated !== undefined || state?.terminated !== undefined
  return state?.terminated?.exitCode === 0
}

type Verdict = Pick<PodCondition, 'status' | 'reason' | 'message'>

function makeConditions(
  pod: StoredPod,
  old: PodCondition[],
  statuses: Statuses,
  phase: string,
  facts: StatusFacts,
): PodCondition[] {
  const containersReady = judgeContainers(pod, statuses, phase)
  const verdicts: Record<string, Verdict> = {
    PodReadyToStartContainers: { status: facts.ips.length > 0 ? 'True' : 'False' },
    Initialized: judgeInit(pod, statuses, phase),
    Ready: judgeGates(pod, old, containersReady),
    ContainersReady: containersReady,
    PodScheduled: { status: 'True' },
    ...(facts.failure?.isDisruption && {
      DisruptionTarget: { status: 'True', reason: 'TerminationByKubelet', message: facts.failure.message },
    }),
  }
  const ours = Object.entries(verdicts).map(([type, verdict]) => {
    const before = old.find((condition) => condition.type === type)
    const lastTransitionTime = before?.status === verdict.status ? before.lastTransitionTime : toTime(facts.nowMs)
    const { generation } = pod.metadata
    return {
      type,
      ...verdict,
      lastProbeTime: undefined,
      lastTransitionTime: lastTransitionTime ?? toTime(facts.nowMs),
      ...(generation !== undefined && { observedGeneration: generation }),
    }
  })
  return [...ours.map(withoutUndefined), ...old.filter(({ type }) => verdicts[type] === undefined)]
}

function withoutUndefined(condition: PodCondition): PodCondition {
  const entries = Object.entries(condition).filter(([, value]) => value !== undefined)
  return { type: condition.type, status: condition.status, ...Object.fromEntries(entries) }
}

function judgeInit(pod: StoredPod, { init }: Statuses, phase: string): Verdict {
  if (phase === 'Succeeded') return { status: 'True', reason: 'PodCompleted' }
  const incomplete = init.filter((status) => !isInitDone(pod, status)).map(({ name }) => name)
  if (incomplete.length === 0) return { status: 'True' }
  const message = `containers with incomplete status: [${incomplete.join(' ')}]`
  return { status: 'False', reason: 'ContainersNotInitialized', message }
}

function judgeContainers(pod: StoredPod, { init, app }: Statuses, phase: string): Verdict {
  if (phase === 'Succeeded') return { status: 'False', reason: 'PodCompleted' }
  if (phase === 'Failed') return { status: 'False', reason: 'PodFailed' }
  const sidecars = (pod.spec.initContainers ?? []).filter(isSidecar).map(({ name }) => name)
  const counted = [...init.filter(({ name }) => sidecars.includes(name)), ...app]
  const unready = counted.filter(({ ready }) => !ready).map(({ name }) => name)
  if (unready.length === 0) return { status: 'True' }
  return {
    status: 'False',
    reason: 'ContainersNotReady',
    message: `containers with unready status: [${unready.join(' ')}]`,
  }
}

function judgeGates({ spec }: StoredPod, conditions: PodCondition[], containersReady: Verdict): Verdict {
  if (containersReady.status !== 'True') return containersReady
  const missing = (spec.readinessGates ?? [])
    .map(({ conditionType }) => conditionType)
    .filter((type) => conditions.find((condition) => condition.type === type)?.status !== 'True')
  if (missing.length === 0) return { status: 'True' }
  const message = missing.map(
    (type) => `corresponding condition of pod readiness gate "${type}" does not exist or is not True.`,
  )
  return { status: 'False', reason: 'ReadinessGatesNotReady', message: message.join(' ') }
}
