// Removes pods that nobody else will: those of nodes that are gone, those deleted before they got a node, and the oldest
// of those that ended when there are too many.

import type { WorkQueue } from '../../../api/client/work-queue.ts'
import type { Pod } from '../../../api/generated/types.ts'
import { type Stored, toKey } from '../../../api/objects/object.ts'
import { ignore, isConflict, isNotFound } from '../../../api/objects/status-error.ts'
import { nodes } from '../../../api/resources/nodes.ts'
import { pods } from '../../../api/resources/pods.ts'
import { type Controller, type ControllerContext, makeQueue } from '../controller.ts'
import { isPodFinished } from '../pod-state.ts'
import { toTimestamp } from '../timestamp.ts'

/** The key that stands for counting all pods that ended; no pod's key is without a slash. */
const finishedKey = 'finished'

export class PodGcController implements Controller {
  readonly #context: ControllerContext
  readonly #queue: WorkQueue
  /** Keys of pods that ended. */
  readonly #finished = new Set<string>()
  /** When nodes were first missed, by name. */
  readonly #missedSince = new Map<string, number>()

  constructor(context: ControllerContext) {
    const { view } = context
    this.#context = context
    this.#queue = makeQueue('pod garbage', context.log, (key) => this.reconcile(key))
    view.nodes.onChange(({ old, object }) => {
      if (object !== undefined) this.#missedSince.delete(object.metadata.name)
      else for (const pod of view.pods.byIndex('node', old?.metadata.name ?? '')) this.#queue.add(toKey(pod))
    })
    view.pods.onChange(({ old, object }) => this.#onPod(old, object))
  }

  async run(signal: AbortSignal): Promise<void> {
    for (const pod of this.#context.view.pods.list()) this.#onPod(undefined, pod)
    await this.#queue.run(signal)
  }

  /** Removes one pod if it is nobody's; or ended pods beyond the threshold. */
  async reconcile(key: string): Promise<void> {
    if (key === finishedKey) return this.#removeOldest()
    const pod = this.#context.view.pods.get(key)
    if (pod === undefined) return
    const { nodeName = '' } = pod.spec
    if (nodeName !== '') return this.#checkNode(key, pod, nodeName)
    if (pod.metadata.deletionTimestamp !== undefined) await this.#remove(pod)
  }

  #onPod(old: Stored<Pod> | undefined, object: Stored<Pod> | undefined): void {
    const key = toKey(object ?? old ?? { name: '' })
    if (object === undefined || !isPodFinished(object)) this.#finished.delete(key)
    else this.#finished.add(key)
    if (this.#finished.size > this.#context.timings.terminatedPodThreshold) this.#queue.add(finishedKey)
    if (object === undefined) return
    const { nodeName = '' } = object.spec
    const isNobodys = nodeName === '' ? object.metadata.deletionTimestamp : !this.#context.view.nodes.get(nodeName)
    if (isNobodys) this.#queue.add(key)
  }

  /** The informer of nodes may be behind that of pods, and a node may only be registering anew: wait, then ask. */
  async #checkNode(key: string, pod: Stored<Pod>, name: string): Promise<void> {
    const { view, client, timings, now } = this.#context
    if (view.nodes.get(name) !== undefined) return
    const sinceMs = this.#missedSince.get(name) ?? now()
    this.#missedSince.set(name, sinceMs)
    const waitMs = sinceMs + timings.podGcQuarantineMs - now()
    if (waitMs > 0) return this.#queue.addAfter(key, waitMs)
    const isGone = await client.get(nodes, { name }).then(
      () => false,
      (error: unknown) => {
        if (isNotFound(error)) return true
        throw error
      },
    )
    if (isGone) await this.#removeOrphan(pod)
  }

  /** Nobody will report how it ended, so that is done here: those who wait for an end must see one. */
  async #removeOrphan(pod: Stored<Pod>): Promise<void> {
    if (!isPodFinished(pod)) await this.#markFailed(pod)
    await this.#remove(pod)
  }

  async #markFailed({ metadata, status }: Stored<Pod>): Promise<void> {
    const others = status?.conditions?.filter(({ type }) => type !== 'DisruptionTarget') ?? []
    const condition = {
      type: 'DisruptionTarget',
      status: 'True',
      reason: 'DeletionByPodGC',
      message: 'PodGC: node no longer exists',
      lastTransitionTime: toTimestamp(this.#context.now()),
    }
    const patch = { metadata: { uid: metadata.uid }, status: { phase: 'Failed', conditions: [...others, condition] } }
    const options = { subresource: 'status' }
    await this.#context.client.patch(pods, metadata, 'application/merge-patch+json', patch, options).catch(ignoreGone)
  }

  async #remove({ metadata }: Stored<Pod>): Promise<void> {
    const options = { gracePeriodSeconds: 0, preconditions: { uid: metadata.uid } }
    await this.#context.client.delete(pods, metadata, options).catch(ignoreGone)
  }

  async #removeOldest(): Promise<void> {
    const { view, timings } = this.#context
    const finished = [...this.#finished].flatMap((key) => view.pods.get(key) ?? [])
    const there = finished.filter(({ metadata }) => metadata.deletionTimestamp === undefined)
    const surplus = there.length - timings.terminatedPodThreshold
    if (surplus <= 0) return
    there.sort((a, b) => (a.metadata.creationTimestamp < b.metadata.creationTimestamp ? -1 : 1))
    for (const pod of there.slice(0, surplus)) await this.#remove(pod)
  }
}

/** Gone, or another of the same name by now. */
const ignoreGone = ignore(isNotFound, isConflict)
