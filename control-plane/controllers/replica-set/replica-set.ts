// Keeps as many pods as a replica set asks for. Owns the pods' existence and the set's status; what a pod looks like is
// the template's business, where it runs the scheduler's. After a crash the pods are counted again.

import type { WorkQueue } from '../../../api/client/work-queue.ts'
import type { Pod, ReplicaSet } from '../../../api/generated/types.ts'
import { controllerOf, type Stored, toKey } from '../../../api/objects/object.ts'
import { type Selector, toSelector } from '../../../api/objects/selectors.ts'
import { isConflict, isForbidden, isNotFound } from '../../../api/objects/status-error.ts'
import { pods } from '../../../api/resources/pods.ts'
import { replicaSets } from '../../../api/resources/replica-sets.ts'
import { ownerReference } from '../cluster-view.ts'
import { type Controller, type ControllerContext, describeError, type Events, makeQueue } from '../controller.ts'
import { runAll, runSlowly } from '../in-batches.ts'
import { OwnWrites, settleMs } from '../own-writes.ts'
import { adopt, planClaims, release } from '../ownership.ts'
import { isPodActive } from '../pod-state.ts'
import { isSame } from '../same.ts'
import { planReplicas } from './plan.ts'
import { type Failure, makeStatus, msUntilNextAvailable } from './status.ts'

export class ReplicaSetController implements Controller {
  readonly #context: ControllerContext
  readonly #events: Events
  readonly #queue: WorkQueue
  /** Pods made and deleted by us, by replica set uid. */
  readonly #writes: OwnWrites<Pod>

  constructor(context: ControllerContext) {
    this.#context = context
    this.#events = context.eventsOf('replicaset-controller')
    this.#writes = new OwnWrites(context.client, pods, context.now)
    this.#queue = makeQueue('replica set', context.log, (key) => this.reconcile(key), { workers: 8 })
    context.view.replicaSets.onChange(({ old, object }) => {
      const changed = object ?? old
      if (changed !== undefined) this.#queue.add(toKey(changed))
    })
    context.view.pods.onChange((change) => {
      this.#writes.observe(change)
      if (change.old !== undefined) this.#enqueueOwnerOf(change.old)
      if (change.object !== undefined) this.#enqueueOwnerOf(change.object)
    })
  }

  run(signal: AbortSignal): Promise<void> {
    return this.#queue.run(signal)
  }

  /** Makes one replica set true once. Throws to be tried again later. */
  async reconcile(key: string): Promise<void> {
    const { view, now } = this.#context
    const replicaSet = view.replicaSets.get(key)
    if (replicaSet === undefined) return // the garbage collector takes the pods
    const { uid } = replicaSet.metadata
    await this.#writes.settle(uid)
    await this.#claim(replicaSet)
    const { failure, error } = await this.#act(replicaSet)
    const owned = this.#owned(replicaSet)
    await this.#reportStatus(replicaSet, owned, failure)
    this.#lookAgain(key, replicaSet, owned, now())
    if (error !== undefined) throw error
  }

  async #claim(replicaSet: Stored<ReplicaSet>): Promise<void> {
    const { client, view } = this.#context
    const { uid } = replicaSet.metadata
    const claims = planClaims(replicaSet, this.#selectorOf(replicaSet), this.#candidates(replicaSet))
    await release(client, uid, pods, claims.release)
    const owner = { resource: replicaSets, object: replicaSet }
    const adopted = await adopt(client, owner, pods, claims.adopt.filter(isPodActive))
    for (const pod of adopted) this.#writes.noteWritten(uid, pod, view.pods.get(toKey(pod)))
  }

  /** As of now: an own write is either still noted or already in the copy, so both must be read in one go. */
  #owned(replicaSet: Stored<ReplicaSet>): Stored<Pod>[] {
    const { owned } = planClaims(replicaSet, this.#selectorOf(replicaSet), this.#candidates(replicaSet))
    return this.#writes.overlay(replicaSet.metadata.uid, owned)
  }

  #candidates({ metadata }: Stored<ReplicaSet>): Stored<Pod>[] {
    const { pods } = this.#context.view
    return [...pods.byIndex('controller', metadata.uid), ...pods.byIndex('orphans', metadata.namespace ?? '')]
  }

  #enqueueOwnerOf(pod: Stored<Pod>): void {
    const owner = controllerOf(pod)
    if (owner?.kind === replicaSets.kind) this.#queue.add(`${pod.metadata.namespace}/${owner.name}`)
    if (owner !== undefined) return
    for (const replicaSet of this.#context.view.replicaSets.byIndex('namespace', pod.metadata.namespace ?? '')) {
      if (this.#selectorOf(replicaSet).matches(pod.metadata.labels)) this.#queue.add(toKey(replicaSet))
    }
  }

  #selectorOf({ spec }: Stored<ReplicaSet>): Selector {
    return toSelector(spec.selector)
  }

  async #act(replicaSet: Stored<ReplicaSet>): Promise<{ failure?: Failure; error?: unknown }> {
    const owned = this.#owned(replicaSet)
    const plan = planReplicas(replicaSet, owned, this.#related(replicaSet, owned))
    const created = await runSlowly(Array.from({ length: plan.create }, () => () => this.#create(replicaSet)))
    if (created.error !== undefined) return this.#failed(replicaSet, 'FailedCreate', created.error)
    const removed = await runAll(plan.remove.map((pod) => () => this.#remove(replicaSet, pod)))
    if (removed.error !== undefined) return this.#failed(replicaSet, 'FailedDelete', removed.error)
    return {}
  }

  /** Active pods of all replica sets with the same owner, such as the old and the new of one deployment. */
  #related(replicaSet: Stored<ReplicaSet>, owned: Stored<Pod>[]): Stored<Pod>[] {
    const { view } = this.#context
    const owner = controllerOf(replicaSet)
    if (owner === undefined) return owned
    const siblings = view.replicaSets.byIndex('controller', owner.uid)
    return siblings.flatMap(({ metadata }) => view.pods.byIndex('controller', metadata.uid)).filter(isPodActive)
  }

  async #create(replicaSet: Stored<ReplicaSet>): Promise<void> {
    const { client, view } = this.#context
    const { metadata: own, spec } = replicaSet.spec.template ?? {}
    const pod = await client.create(pods, {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: {
        generateName: `${replicaSet.metadata.name}-`,
        namespace: replicaSet.metadata.namespace,
        labels: own?.labels,
        annotations: own?.annotations,
        finalizers: own?.finalizers,
        ownerReferences: [ownerReference(replicaSets, replicaSet, true)],
      },
      spec,
    })
    this.#writes.noteWritten(replicaSet.metadata.uid, pod, view.pods.get(toKey(pod)))
    this.#events.event(replicaSets, replicaSet, 'Normal', 'SuccessfulCreate', `Created pod: ${pod.metadata.name}`)
  }

  async #remove(replicaSet: Stored<ReplicaSet>, pod: Stored<Pod>): Promise<void> {
    const { client, view } = this.#context
    const { uid, name } = pod.metadata
    const isThere = await client.delete(pods, pod.metadata, { preconditions: { uid } }).then(
      () => true,
      (error: unknown) => {
        if (isNotFound(error) || isConflict(error)) return false
        throw error
      },
    )
    this.#writes.noteDeleted(replicaSet.metadata.uid, pod, view.pods.get(toKey(pod)))
    if (isThere) this.#events.event(replicaSets, replicaSet, 'Normal', 'SuccessfulDelete', `Deleted pod: ${name}`)
  }

  /** Nothing can be made in a namespace that goes away, and its replica sets go too: no reason to complain. */
  #failed(replicaSet: Stored<ReplicaSet>, reason: Failure['reason'], error: unknown) {
    const namespace = this.#context.view.namespaces.get(replicaSet.metadata.namespace ?? '')
    if (isForbidden(error) && namespace?.metadata.deletionTimestamp !== undefined) return {}
    const message = describeError(error)
    const verb = reason === 'FailedCreate' ? 'creating' : 'deleting'
    this.#events.event(replicaSets, replicaSet, 'Warning', reason, `Error ${verb}: ${message}`)
    return { failure: { reason, message }, error }
  }

  async #reportStatus(replicaSet: Stored<ReplicaSet>, owned: Stored<Pod>[], failure?: Failure): Promise<void> {
    const status = makeStatus(replicaSet, owned, failure, this.#context.now())
    if (isSame(status, { replicas: 0, ...replicaSet.status })) return
    await this.#context.client.update(replicaSets, { ...replicaSet, status }, { subresource: 'status' })
  }

  #lookAgain(key: string, replicaSet: Stored<ReplicaSet>, owned: Stored<Pod>[], nowMs: number): void {
    const wait = msUntilNextAvailable(replicaSet, owned, nowMs)
    if (wait !== undefined) this.#queue.addAfter(key, wait)
    if (this.#writes.isPending(replicaSet.metadata.uid)) this.#queue.addAfter(key, settleMs)
  }
}
