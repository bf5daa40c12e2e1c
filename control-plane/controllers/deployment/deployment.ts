// Moves a deployment from one template to the next through replica sets. Owns the replica sets' existence and size, their
// revisions and the deployment's status; pods are the replica sets' business. After a crash the next step follows from
// the sizes that are there.

import type { WorkQueue } from '../../../api/client/work-queue.ts'
import type { Deployment, ReplicaSet } from '../../../api/generated/types.ts'
import { controllerOf, type Stored, toKey } from '../../../api/objects/object.ts'
import { toSelector } from '../../../api/objects/selectors.ts'
import { ignore, isAlreadyExists, isForbidden, isNotFound } from '../../../api/objects/status-error.ts'
import { deployments } from '../../../api/resources/deployments.ts'
import { replicaSets } from '../../../api/resources/replica-sets.ts'
import { type Controller, type ControllerContext, describeError, type Events, makeQueue } from '../controller.ts'
import { OwnWrites, settleMs } from '../own-writes.ts'
import { adopt, type Claims, planClaims, release } from '../ownership.ts'
import { isPodFinished } from '../pod-state.ts'
import { isSame } from '../same.ts'
import { revisionKey, sizeAnnotations } from './annotations.ts'
import { type Action, planDeployment } from './plan.ts'
import { type Family, isSameTemplate, newestRevision, toFamily } from './replica-sets.ts'
import { sizeOf } from './rolling-update.ts'
import { type Happening, makeStatus, msUntilDeadline, type Observation } from './status.ts'

/** What came of the actions. */
interface Outcome {
  happening: Happening
  collisionCount?: number
  error?: unknown
}

export class DeploymentController implements Controller {
  readonly #context: ControllerContext
  readonly #events: Events
  readonly #queue: WorkQueue
  /** Replica sets made and changed by us, by deployment uid. */
  readonly #writes: OwnWrites<ReplicaSet>

  constructor(context: ControllerContext) {
    this.#context = context
    this.#events = context.eventsOf('deployment-controller')
    this.#writes = new OwnWrites(context.client, replicaSets, context.now)
    this.#queue = makeQueue('deployment', context.log, (key) => this.reconcile(key))
    context.view.deployments.onChange(({ object }) => object && this.#queue.add(toKey(object)))
    context.view.replicaSets.onChange((change) => {
      this.#writes.observe(change)
      if (change.old !== undefined) this.#enqueueOwnerOf(change.old)
      if (change.object !== undefined) this.#enqueueOwnerOf(change.object)
    })
    // Recreate waits for the last old pod.
    context.view.pods.onChange(({ old, object }) => {
      const owner = object === undefined && old !== undefined ? controllerOf(old) : undefined
      if (owner?.kind !== replicaSets.kind) return
      const replicaSet = context.view.replicaSets.get(`${old?.metadata.namespace}/${owner.name}`)
      if (replicaSet !== undefined) this.#enqueueOwnerOf(replicaSet)
    })
  }

  run(signal: AbortSignal): Promise<void> {
    return this.#queue.run(signal)
  }

  /** Takes one step. Throws to be tried again later. */
  async reconcile(key: string): Promise<void> {
    const { view } = this.#context
    const deployment = view.deployments.get(key)
    if (deployment === undefined) return // the garbage collector takes the replica sets
    const { uid } = deployment.metadata
    await this.#writes.settle(uid)
    await this.#claim(deployment)
    const family = this.#family(deployment)
    const plan = planDeployment(deployment, family, this.#hasOldPods(family))
    const { error, ...outcome } = await this.#act(deployment, plan.actions)
    const after = this.#family(deployment)
    await this.#report(deployment, { family: after, ...plan, ...outcome, nowMs: this.#context.now() })
    if (this.#writes.isPending(uid)) this.#queue.addAfter(key, settleMs)
    if (error !== undefined) throw error
  }

  #enqueueOwnerOf(replicaSet: Stored<ReplicaSet>): void {
    const owner = controllerOf(replicaSet)
    const namespace = replicaSet.metadata.namespace ?? ''
    if (owner?.kind === deployments.kind) this.#queue.add(`${namespace}/${owner.name}`)
    if (owner !== undefined) return
    for (const deployment of this.#context.view.deployments.byIndex('namespace', namespace)) {
      const matches = toSelector(deployment.spec.selector).matches(replicaSet.metadata.labels)
      if (matches) this.#queue.add(toKey(deployment))
    }
  }

  async #claim(deployment: Stored<Deployment>): Promise<void> {
    const { client } = this.#context
    const { uid } = deployment.metadata
    const claims = this.#claims(deployment)
    await release(client, uid, replicaSets, claims.release)
    const owner = { resource: deployments, object: deployment }
    const adopted = await adopt(client, owner, replicaSets, claims.adopt)
    for (const replicaSet of adopted) this.#noteWritten(uid, replicaSet)
  }

  #claims(deployment: Stored<Deployment>): Claims<ReplicaSet> {
    const { view } = this.#context
    const { uid, namespace } = deployment.metadata
    const candidates = [
      ...view.replicaSets.byIndex('controller', uid),
      ...view.replicaSets.byIndex('orphans', namespace ?? ''),
    ]
    return planClaims(deployment, toSelector(deployment.spec.selector), candidates)
  }

  /** As of now: an own write is either still noted or already in the copy, so both must be read in one go. */
  #family(deployment: Stored<Deployment>): Family {
    return toFamily(deployment, this.#writes.overlay(deployment.metadata.uid, this.#claims(deployment).owned))
  }

  #noteWritten(group: string, replicaSet: Stored<ReplicaSet>): void {
    this.#writes.noteWritten(group, replicaSet, this.#context.view.replicaSets.get(toKey(replicaSet)))
  }

  #hasOldPods({ old }: Family): boolean {
    const { pods } = this.#context.view
    return old.some(({ metadata }) => pods.byIndex('controller', metadata.uid).some((pod) => !isPodFinished(pod)))
  }

  async #act(deployment: Stored<Deployment>, actions: Action[]): Promise<Outcome> {
    let outcome: Outcome = { happening: { type: 'none' } }
    for (const action of actions) {
      if (action.type === 'create') outcome = await this.#create(deployment, action.replicaSet)
      else if (action.type === 'scale') await this.#scale(deployment, action.replicaSet, action.replicas)
      else if (action.type === 'update') await this.#update(deployment, action.replicaSet)
      else await this.#remove(deployment, action.replicaSet)
    }
    return outcome
  }

  async #create(deployment: Stored<Deployment>, replicaSet: ReplicaSet): Promise<Outcome> {
    const name = replicaSet.metadata?.name ?? ''
    try {
      const created = await this.#context.client.create(replicaSets, replicaSet)
      this.#noteWritten(deployment.metadata.uid, created)
      const message = `Scaled up replica set ${name} from 0 to ${sizeOf(created)}`
      if (sizeOf(created) > 0) this.#say(deployment, 'Normal', 'ScalingReplicaSet', message)
      return { happening: { type: 'created', name } }
    } catch (error) {
      if (isAlreadyExists(error)) return this.#resolveCollision(deployment, name)
      return this.#createFailed(deployment, name, error)
    }
  }

  /** The name is taken: by our own set that the copy has not shown yet, or by a stranger; then another name is tried. */
  async #resolveCollision(deployment: Stored<Deployment>, name: string): Promise<Outcome> {
    const { namespace, uid } = deployment.metadata
    const taken = await this.#context.client.get(replicaSets, { namespace, name })
    const isOurs = controllerOf(taken)?.uid === uid && isSameTemplate(taken.spec.template, deployment.spec.template)
    if (isOurs) {
      this.#noteWritten(uid, taken)
      return { happening: { type: 'none' } }
    }
    return { happening: { type: 'none' }, collisionCount: (deployment.status?.collisionCount ?? 0) + 1 }
  }

  #createFailed(deployment: Stored<Deployment>, name: string, error: unknown): Outcome {
    const namespace = this.#context.view.namespaces.get(deployment.metadata.namespace ?? '')
    const isLeaving = namespace?.metadata.deletionTimestamp !== undefined
    if (isForbidden(error) && isLeaving) return { happening: { type: 'none' } }
    const message = describeError(error)
    const text = `Failed to create new replica set "${name}": ${message}`
    this.#say(deployment, 'Warning', 'ReplicaSetCreateError', text)
    return { happening: { type: 'createFailed', name, message }, error }
  }

  async #scale(deployment: Stored<Deployment>, replicaSet: Stored<ReplicaSet>, replicas: number): Promise<void> {
    const annotations = { ...replicaSet.metadata.annotations, ...sizeAnnotations(deployment) }
    await this.#update(deployment, {
      ...replicaSet,
      metadata: { ...replicaSet.metadata, annotations },
      spec: { ...replicaSet.spec, replicas },
    })
    const before = sizeOf(replicaSet)
    if (before === replicas) return
    const direction = before < replicas ? 'up' : 'down'
    const message = `Scaled ${direction} replica set ${replicaSet.metadata.name} from ${before} to ${replicas}`
    this.#say(deployment, 'Normal', 'ScalingReplicaSet', message)
  }

  async #update({ metadata }: Stored<Deployment>, replicaSet: Stored<ReplicaSet>): Promise<void> {
    this.#noteWritten(metadata.uid, await this.#context.client.update(replicaSets, replicaSet))
  }

  async #remove({ metadata }: Stored<Deployment>, replicaSet: Stored<ReplicaSet>): Promise<void> {
    const { uid, resourceVersion } = replicaSet.metadata
    const preconditions = { uid, resourceVersion }
    await this.#context.client.delete(replicaSets, replicaSet.metadata, { preconditions }).catch(ignore(isNotFound))
    this.#writes.noteDeleted(metadata.uid, replicaSet, this.#context.view.replicaSets.get(toKey(replicaSet)))
  }

  async #report(deployment: Stored<Deployment>, observation: Observation): Promise<void> {
    const status = makeStatus(deployment, observation)
    const wait = msUntilDeadline(deployment, status, observation.nowMs)
    if (wait !== undefined) this.#queue.addAfter(toKey(deployment), wait)
    const current = await this.#reportRevision(deployment, observation.family)
    if (isSame(status, deployment.status ?? {})) return
    await this.#context.client.update(deployments, { ...current, status }, { subresource: 'status' })
  }

  /** The deployment says which revision it is at; kubectl rollout history reads it. */
  async #reportRevision(deployment: Stored<Deployment>, family: Family): Promise<Stored<Deployment>> {
    const { metadata } = deployment
    if (family.newest === undefined) return deployment
    const revision = family.newest.metadata.annotations?.[revisionKey] ?? String(newestRevision(family))
    if (metadata.annotations?.[revisionKey] === revision) return deployment
    const { uid, resourceVersion } = metadata
    const patch = { metadata: { uid, resourceVersion, annotations: { [revisionKey]: revision } } }
    return this.#context.client.patch(deployments, metadata, 'application/merge-patch+json', patch)
  }

  #say(deployment: Stored<Deployment>, type: 'Normal' | 'Warning', reason: string, message: string): void {
    this.#events.event(deployments, deployment, type, reason, message)
  }
}
