// A deployment's status: counts over its replica sets, and the conditions Available, Progressing and ReplicaFailure.
// https://kubernetes.io/docs/concepts/workloads/controllers/deployment/#deployment-status

import type { Deployment, DeploymentCondition, DeploymentStatus, ReplicaSet } from '../../../api/generated/types.ts'
import type { Stored } from '../../../api/objects/object.ts'
import { parseTimestamp, toTimestamp } from '../timestamp.ts'
import { resolveLimits } from './limits.ts'
import type { Family } from './replica-sets.ts'
import { availableOf, sizeOf, sum } from './rolling-update.ts'

/** What happened in this round that the conditions tell of. */
export type Happening =
  | { type: 'created'; name: string }
  | { type: 'createFailed'; name: string; message: string }
  | { type: 'none' }

/** What the status is made from, beside the deployment. */
export interface Observation {
  family: Family
  judgesProgress: boolean
  happening: Happening
  collisionCount?: number
  nowMs: number
}

type Said = Pick<DeploymentCondition, 'type' | 'status' | 'reason' | 'message'>

/** No deadline is written as the largest 32-bit number. */
const hasDeadline = ({ spec }: Stored<Deployment>) =>
  spec.progressDeadlineSeconds !== undefined && spec.progressDeadlineSeconds !== 2 ** 31 - 1

/** True if all wanted pods are of the present template and available, and no others are left. */
export function isComplete({ metadata, spec }: Stored<Deployment>, status: DeploymentStatus): boolean {
  const counts = [status.updatedReplicas, status.replicas, status.availableReplicas]
  const isObserved = (status.observedGeneration ?? 0) >= (metadata.generation ?? 0)
  return isObserved && counts.every((count) => (count ?? 0) === (spec.replicas ?? 1))
}

/** The status that describes what is there now. */
export function makeStatus(deployment: Stored<Deployment>, observation: Observation): DeploymentStatus {
  const counted = countReplicas(deployment, observation)
  const conditions = makeConditions(deployment, counted, observation)
  return { ...counted, ...(conditions.length > 0 && { conditions }) }
}

/** Milliseconds until the progress deadline must be looked at, or undefined if nothing is under way. */
export function msUntilDeadline(deployment: Stored<Deployment>, status: DeploymentStatus, nowMs: number) {
  const progressing = status.conditions?.find(({ type }) => type === 'Progressing')
  if (!hasDeadline(deployment) || progressing === undefined || isComplete(deployment, status)) return undefined
  if (progressing.reason === 'NewReplicaSetAvailable' || progressing.reason === 'ProgressDeadlineExceeded')
    return undefined
  // One second more: timestamps have no fractions.
  return Math.max(0, deadlineOf(deployment, progressing) - nowMs) + 1000
}

function deadlineOf({ spec }: Stored<Deployment>, progressing: DeploymentCondition): number {
  return parseTimestamp(progressing.lastUpdateTime) + (spec.progressDeadlineSeconds ?? 600) * 1000
}

function countReplicas(deployment: Stored<Deployment>, { family, collisionCount }: Observation): DeploymentStatus {
  const { newest, old } = family
  const all = newest === undefined ? old : [newest, ...old]
  const statusSum = (read: (status: NonNullable<ReplicaSet['status']>) => number | undefined) =>
    sum(all, ({ status }) => (status === undefined ? 0 : (read(status) ?? 0)))
  const counts = {
    replicas: statusSum(({ replicas }) => replicas),
    updatedReplicas: newest?.status?.replicas ?? 0,
    readyReplicas: statusSum(({ readyReplicas }) => readyReplicas),
    availableReplicas: sum(all, availableOf),
    unavailableReplicas: Math.max(0, sum(all, sizeOf) - sum(all, availableOf)),
  }
  const collisions = collisionCount ?? deployment.status?.collisionCount
  return {
    observedGeneration: deployment.metadata.generation,
    ...Object.fromEntries(Object.entries(counts).filter(([, count]) => count > 0)),
    ...(collisions !== undefined && { collisionCount: collisions }),
  }
}

function makeConditions(
  deployment: Stored<Deployment>,
  counted: DeploymentStatus,
  observation: Observation,
): DeploymentCondition[] {
  const present = deployment.status?.conditions ?? []
  const said = [sayAvailable(deployment, counted), sayFailure(observation.family)].filter((say) => say !== undefined)
  const others = present.filter(({ type }) => type !== 'ReplicaFailure' || said.some((say) => say.type === type))
  const conditions = said.reduce((list, say) => setCondition(list, say, observation.nowMs), others)
  if (!hasDeadline(deployment)) return conditions.filter(({ type }) => type !== 'Progressing')
  const progress = sayProgress(deployment, counted, observation)
  return progress === undefined ? conditions : setCondition(conditions, progress, observation.nowMs, progress.renews)
}

function sayAvailable({ spec }: Stored<Deployment>, { availableReplicas = 0 }: DeploymentStatus): Said {
  const isEnough = availableReplicas >= (spec.replicas ?? 1) - resolveLimits(spec).maxUnavailable
  const [status, reason, verb] = isEnough
    ? ['True', 'MinimumReplicasAvailable', 'has']
    : ['False', 'MinimumReplicasUnavailable', 'does not have']
  return { type: 'Available', status, reason, message: `Deployment ${verb} minimum availability.` }
}

function sayFailure({ newest, old }: Family): Said | undefined {
  for (const replicaSet of newest === undefined ? old : [newest, ...old]) {
    const failure = replicaSet.status?.conditions?.find(({ type }) => type === 'ReplicaFailure')
    if (failure !== undefined) return failure
  }
  return undefined
}

/** renews: something moved, so that the deadline counts from now. */
function sayProgress(
  deployment: Stored<Deployment>,
  counted: DeploymentStatus,
  observation: Observation,
): (Said & { renews: boolean }) | undefined {
  const { family, happening, judgesProgress, nowMs } = observation
  const present = deployment.status?.conditions?.find(({ type }) => type === 'Progressing')
  const say = (status: string, reason: string, message: string, renews = false) => ({
    type: 'Progressing',
    status,
    reason,
    message,
    renews,
  })
  if (happening.type === 'createFailed') {
    const text = `Failed to create new replica set "${happening.name}": ${happening.message}`
    return say('False', 'ReplicaSetCreateError', text)
  }
  if (happening.type === 'created') {
    return say('True', 'NewReplicaSetCreated', `Created new replica set "${happening.name}"`)
  }
  if (!judgesProgress) return sayPaused(deployment, present, say)
  const whole = counted.replicas === counted.updatedReplicas
  if (whole && present?.reason === 'NewReplicaSetAvailable') return undefined
  const who =
    family.newest === undefined
      ? `Deployment "${deployment.metadata.name}"`
      : `ReplicaSet "${family.newest.metadata.name}"`
  if (isComplete(deployment, counted)) {
    return say('True', 'NewReplicaSetAvailable', `${who} has successfully progressed.`)
  }
  if (hasMoved(deployment.status ?? {}, counted))
    return say('True', 'ReplicaSetUpdated', `${who} is progressing.`, true)
  if (present === undefined) {
    return family.newest && say('True', 'FoundNewReplicaSet', `Found new replica set "${family.newest.metadata.name}"`)
  }
  if (present.reason === 'DeploymentPaused') return say('Unknown', 'DeploymentResumed', 'Deployment is resumed')
  const isLate = present.reason !== 'NewReplicaSetAvailable' && nowMs > deadlineOf(deployment, present)
  return isLate ? say('False', 'ProgressDeadlineExceeded', `${who} has timed out progressing.`) : undefined
}

function sayPaused<T>(
  { spec }: Stored<Deployment>,
  present: DeploymentCondition | undefined,
  say: (status: string, reason: string, message: string) => T,
): T | undefined {
  if (present?.reason === 'ProgressDeadlineExceeded' || spec.paused !== true) return undefined
  return say('Unknown', 'DeploymentPaused', 'Deployment is paused')
}

function hasMoved(old: DeploymentStatus, now: DeploymentStatus): boolean {
  const oldOnes = ({ replicas = 0, updatedReplicas = 0 }: DeploymentStatus) => replicas - updatedReplicas
  return (
    (now.updatedReplicas ?? 0) > (old.updatedReplicas ?? 0) ||
    oldOnes(now) < oldOnes(old) ||
    (now.readyReplicas ?? 0) > (old.readyReplicas ?? 0) ||
    (now.availableReplicas ?? 0) > (old.availableReplicas ?? 0)
  )
}

/** Says it, unless it is said already. The transition time is that of the last change of status. */
function setCondition(
  conditions: DeploymentCondition[],
  { type, status, reason, message }: Said,
  nowMs: number,
  renews = false,
): DeploymentCondition[] {
  const present = conditions.find((condition) => condition.type === type)
  if (present?.status === status && present.reason === reason && !renews) return conditions
  const now = toTimestamp(nowMs)
  const lastTransitionTime = present?.status === status ? present.lastTransitionTime : now
  const others = conditions.filter((condition) => condition.type !== type)
  return [...others, { type, status, reason, message, lastUpdateTime: now, lastTransitionTime }]
}
