// Deletes what its owners have left behind, and carries out foreground and orphan deletion. An owner that the graph does
// not know is asked for by name before anything is deleted, and its uid compared: informers of different kinds are not
// equally far. A namespaced object can only have owners in its own namespace, or cluster-scoped ones.

import type { WorkQueue } from '../../../api/client/work-queue.ts'
import type { OwnerReference } from '../../../api/generated/types.ts'
import { ignore, isNotFound } from '../../../api/objects/status-error.ts'
import { type Controller, type ControllerContext, type Events, makeQueue } from '../controller.ts'
import { runAll } from '../in-batches.ts'
import { foregroundFinalizer, type GraphNode, OwnerGraph, ownersOf } from './graph.ts'
import { judge, type OwnerState, type Verdict } from './plan.ts'

/** Uids that are known to be gone for good; a thousand pods of one deleted owner must not ask a thousand times. */
const absentLimit = 1000

export class GarbageCollector implements Controller {
  readonly #context: ControllerContext
  readonly #events: Events
  readonly #queue: WorkQueue
  readonly #graph = new OwnerGraph()
  readonly #absent = new Set<string>()

  constructor(context: ControllerContext) {
    this.#context = context
    this.#events = context.eventsOf('garbage-collector-controller')
    this.#queue = makeQueue('garbage collector', context.log, (uid) => this.reconcile(uid), { workers: 8 })
    for (const { resource, source } of context.view.kinds) {
      source.onChange(({ old, object }) => {
        for (const uid of this.#graph.change(resource, old?.metadata, object?.metadata)) this.#queue.add(uid)
      })
    }
  }

  run(signal: AbortSignal): Promise<void> {
    return this.#queue.run(signal)
  }

  /** Looks at one object, by uid. Throws to be tried again later. */
  async reconcile(uid: string): Promise<void> {
    const node = this.#graph.get(uid)
    if (node === undefined) return
    const isDeleting = node.metadata.deletionTimestamp !== undefined
    const states = isDeleting
      ? []
      : await Promise.all(ownersOf(node.metadata).map((owner) => this.#stateOf(owner, node)))
    await this.#act(node, judge(node, states, this.#graph.dependentsOf(uid))).catch(ignore(isNotFound))
  }

  async #act(node: GraphNode, verdict: Verdict): Promise<void> {
    const { resource, metadata } = node
    const { uid, resourceVersion } = metadata
    switch (verdict.type) {
      case 'delete': {
        const { propagationPolicy } = verdict
        const options = { propagationPolicy, preconditions: { uid, resourceVersion } }
        return this.#context.client.delete(resource, metadata, options)
      }
      case 'setOwners':
        return this.#patch(node, { ownerReferences: verdict.ownerReferences })
      case 'removeFinalizer':
        return this.#patch(node, { finalizers: metadata.finalizers?.filter((name) => name !== verdict.finalizer) })
      case 'orphanDependents':
        return this.#orphanDependents(uid)
      default:
    }
  }

  /** The owner's finalizer goes when the dependents' changes have come back. */
  async #orphanDependents(uid: string): Promise<void> {
    const calls = this.#graph.dependentsOf(uid).map((dependent) => async () => {
      const others = ownersOf(dependent.metadata).filter((owner) => owner.uid !== uid)
      await this.#patch(dependent, { ownerReferences: others }).catch(ignore(isNotFound))
    })
    const { error } = await runAll(calls)
    if (error !== undefined) throw error
  }

  async #patch({ resource, metadata }: GraphNode, changes: object): Promise<void> {
    const { uid, resourceVersion } = metadata
    const patch = { metadata: { uid, resourceVersion, ...changes } }
    await this.#context.client.patch(resource, metadata, 'application/merge-patch+json', patch)
  }

  async #stateOf(owner: OwnerReference, dependent: GraphNode): Promise<OwnerState> {
    const known = this.#graph.get(owner.uid)
    if (known !== undefined) return this.#stateOfKnown(known, owner, dependent)
    if (this.#absent.has(owner.uid)) return 'absent'
    const kind = this.#context.view.kind(owner.apiVersion, owner.kind)
    // Of a kind that is not served nothing can be said, so nothing is deleted for it.
    if (kind === undefined) return 'solid'
    const { namespace } = dependent.metadata
    if (kind.resource.namespaced && (namespace ?? '') === '') return this.#sayInvalid(dependent, owner, 'solid')
    const live = await this.#context.client
      .get(kind.resource, { name: owner.name, ...(kind.resource.namespaced && { namespace }) })
      .catch((error: unknown) => {
        if (isNotFound(error)) return undefined
        throw error
      })
    if (live?.metadata.uid === owner.uid) return 'solid'
    this.#noteAbsent(owner.uid)
    return 'absent'
  }

  #stateOfKnown({ resource, metadata }: GraphNode, owner: OwnerReference, dependent: GraphNode): OwnerState {
    if (resource.namespaced && metadata.namespace !== dependent.metadata.namespace) {
      const isClusterScoped = (dependent.metadata.namespace ?? '') === ''
      return this.#sayInvalid(dependent, owner, isClusterScoped ? 'solid' : 'absent')
    }
    const isGoing = metadata.deletionTimestamp !== undefined && metadata.finalizers?.includes(foregroundFinalizer)
    return isGoing ? 'waiting' : 'solid'
  }

  #sayInvalid(dependent: GraphNode, owner: OwnerReference, state: OwnerState): OwnerState {
    const { namespace = '' } = dependent.metadata
    const named = `[${owner.apiVersion}/${owner.kind}, namespace: ${namespace}, name: ${owner.name}, uid: ${owner.uid}]`
    const message = `ownerRef ${named} does not exist in namespace "${namespace}"`
    this.#events.event(
      dependent.resource,
      { metadata: dependent.metadata },
      'Warning',
      'OwnerRefInvalidNamespace',
      message,
    )
    return state
  }

  #noteAbsent(uid: string): void {
    this.#absent.add(uid)
    const [oldest] = this.#absent
    if (this.#absent.size > absentLimit && oldest !== undefined) this.#absent.delete(oldest)
  }
}
