// Decides the next step of a deployment. Pure: looks at the deployment and its replica sets as they are, returns what to
// do. One step at a time; the change that it makes brings the deployment back for the next.

import type { Deployment, ReplicaSet } from '../../../api/generated/types.ts'
import type { Stored } from '../../../api/objects/object.ts'
import { isSame } from '../same.ts'
import { newestAnnotations, revisionOf } from './annotations.ts'
import { isScalingEvent, planScaling } from './proportional-scaling.ts'
import { type Family, makeReplicaSet, newestRevision } from './replica-sets.ts'
import { newestSize, type Sizing, shrinkOld, sizeOf } from './rolling-update.ts'
import { isComplete } from './status.ts'

/** One API call. A scale of the same size only renews the size annotations. */
export type Action =
  | { type: 'create'; replicaSet: ReplicaSet }
  | ({ type: 'scale' } & Sizing)
  | { type: 'update'; replicaSet: Stored<ReplicaSet> }
  | { type: 'delete'; replicaSet: Stored<ReplicaSet> }

/** What to do, and whether the rollout's progress is to be judged: not while it is paused or being scaled. */
export interface Plan {
  actions: Action[]
  judgesProgress: boolean
}

/** The next step. hasOldPods: pods of old replica sets are there that have not ended (Recreate waits for them). */
export function planDeployment(deployment: Stored<Deployment>, family: Family, hasOldPods: boolean): Plan {
  if (deployment.metadata.deletionTimestamp !== undefined) return { actions: [], judgesProgress: false }
  const isPaused = deployment.spec.paused === true
  if (isPaused || isScalingEvent(deployment, family)) {
    const scaling = toActions(planScaling(deployment, family), deployment)
    const cleanUp = isPaused ? planCleanUp(deployment, family) : []
    return { actions: [...scaling, ...cleanUp], judgesProgress: false }
  }
  const isRecreate = deployment.spec.strategy?.type === 'Recreate'
  const actions = isRecreate ? planRecreate(deployment, family, hasOldPods) : planRollingUpdate(deployment, family)
  return { actions, judgesProgress: true }
}

function planRollingUpdate(deployment: Stored<Deployment>, family: Family): Action[] {
  const grown = ensureNewest(deployment, family)
  if (grown.length > 0) return grown
  const shrunk = toActions(shrinkOld(deployment, family), deployment)
  return shrunk.length > 0 ? shrunk : planCleanUpWhenComplete(deployment, family)
}

function planRecreate(deployment: Stored<Deployment>, family: Family, hasOldPods: boolean): Action[] {
  const shrunk = family.old
    .filter((replicaSet) => sizeOf(replicaSet) > 0)
    .map((replicaSet): Action => ({ type: 'scale', replicaSet, replicas: 0 }))
  if (shrunk.length > 0 || hasOldPods) return shrunk
  const grown = ensureNewest(deployment, family)
  return grown.length > 0 ? grown : planCleanUpWhenComplete(deployment, family)
}

/** Steps until the newest replica set exists, is described right, and has the size it may have now. */
function ensureNewest(deployment: Stored<Deployment>, family: Family): Action[] {
  const replicas = newestSize(deployment, family)
  const { newest } = family
  if (newest === undefined) return [{ type: 'create', replicaSet: makeReplicaSet(deployment, family, replicas) }]
  const annotations = newestAnnotations(deployment, newest.metadata.annotations, newestRevision(family))
  const { minReadySeconds } = deployment.spec
  if (
    !isSame(annotations, newest.metadata.annotations ?? {}) ||
    (minReadySeconds ?? 0) !== (newest.spec.minReadySeconds ?? 0)
  ) {
    const replicaSet = {
      ...newest,
      metadata: { ...newest.metadata, annotations },
      spec: { ...newest.spec, minReadySeconds },
    }
    return [{ type: 'update', replicaSet }]
  }
  return toActions([{ replicaSet: newest, replicas }], deployment)
}

function planCleanUpWhenComplete(deployment: Stored<Deployment>, family: Family): Action[] {
  return isComplete(deployment, deployment.status ?? {}) ? planCleanUp(deployment, family) : []
}

/** Removes the oldest of the empty old replica sets beyond revisionHistoryLimit. */
function planCleanUp({ spec }: Stored<Deployment>, { old }: Family): Action[] {
  if (spec.revisionHistoryLimit === undefined) return []
  const there = old.filter(({ metadata }) => metadata.deletionTimestamp === undefined)
  const surplus = Math.max(0, there.length - spec.revisionHistoryLimit)
  return there
    .sort((a, b) => revisionOf(a) - revisionOf(b))
    .slice(0, surplus)
    .filter(isEmpty)
    .map((replicaSet) => ({ type: 'delete', replicaSet }))
}

function isEmpty(replicaSet: Stored<ReplicaSet>): boolean {
  const { metadata, status } = replicaSet
  const isObserved = (status?.observedGeneration ?? 0) >= (metadata.generation ?? 0)
  return isObserved && sizeOf(replicaSet) === 0 && (status?.replicas ?? 0) === 0
}

function toActions(sizings: Sizing[], deployment: Stored<Deployment>): Action[] {
  const isScaling = ({ replicaSet, replicas }: Sizing) =>
    replicas !== sizeOf(replicaSet) || isScalingEvent(deployment, { newest: replicaSet, old: [] })
  return sizings.filter(isScaling).map((sizing) => ({ type: 'scale', ...sizing }))
}
