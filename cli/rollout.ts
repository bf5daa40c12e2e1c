// How far a Deployment's rollout is, in kubectl's words; and its revisions.

import type { Deployment, ReplicaSet } from '../api/generated/types.ts'
import { controllerOf, type Stored } from '../api/objects/object.ts'

export interface RolloutState {
  message: string
  isDone: boolean
}

const revisionAnnotation = 'deployment.kubernetes.io/revision'
const causeAnnotation = 'kubernetes.io/change-cause'

/** Throws when the deployment has exceeded its progress deadline. */
export function describeRollout({ metadata, spec, status = {} }: Stored<Deployment>): RolloutState {
  const waiting = (why: string) => ({
    message: `Waiting for deployment "${metadata.name}" rollout to finish: ${why}...`,
    isDone: false,
  })
  if ((metadata.generation ?? 0) > (status.observedGeneration ?? 0)) {
    return { message: 'Waiting for deployment spec update to be observed...', isDone: false }
  }
  const progressing = status.conditions?.find(({ type }) => type === 'Progressing')
  if (progressing?.reason === 'ProgressDeadlineExceeded') {
    throw new Error(`deployment "${metadata.name}" exceeded its progress deadline`)
  }
  const wanted = spec.replicas ?? 1
  const { replicas = 0, updatedReplicas = 0, availableReplicas = 0 } = status
  if (updatedReplicas < wanted) return waiting(`${updatedReplicas} out of ${wanted} new replicas have been updated`)
  if (replicas > updatedReplicas) return waiting(`${replicas - updatedReplicas} old replicas are pending termination`)
  if (availableReplicas < updatedReplicas) {
    return waiting(`${availableReplicas} of ${updatedReplicas} updated replicas are available`)
  }
  return { message: `deployment "${metadata.name}" successfully rolled out`, isDone: true }
}

export interface Revision {
  number: number
  cause: string
  replicaSet: Stored<ReplicaSet>
}

/** The Deployment's revisions, oldest first. */
export function listRevisions(deployment: Stored<Deployment>, replicaSets: readonly Stored<ReplicaSet>[]): Revision[] {
  return replicaSets
    .filter((replicaSet) => controllerOf(replicaSet)?.uid === deployment.metadata.uid)
    .map((replicaSet) => ({
      number: Number(replicaSet.metadata.annotations?.[revisionAnnotation] ?? 0),
      cause: replicaSet.metadata.annotations?.[causeAnnotation] ?? '<none>',
      replicaSet,
    }))
    .filter(({ number }) => number > 0)
    .sort((a, b) => a.number - b.number)
}

/** The revision to go back to: the one asked for, or the last before the present one. Throws if it is not there. */
export function chooseRevision(revisions: readonly Revision[], wanted: number, deploymentName: string): Revision {
  if (wanted > 0) {
    const found = revisions.find(({ number }) => number === wanted)
    if (found === undefined) throw new Error(`unable to find specified revision ${wanted} in history`)
    return found
  }
  const previous = revisions.at(-2)
  if (previous === undefined) throw new Error(`no rollout history found for deployment "${deploymentName}"`)
  return previous
}

/** The pod template of a revision, without the label that the controller adds to tell ReplicaSets apart. */
export function templateOf({ replicaSet }: Revision) {
  const { metadata, ...rest } = replicaSet.spec.template ?? {}
  const { 'pod-template-hash': _, ...labels } = metadata?.labels ?? {}
  return { ...rest, metadata: { ...metadata, labels } }
}
