// Deletes pods from nodes with NoExecute taints that they do not tolerate, or not any longer. A pod whose node cannot be
// reached stays Terminating until the node is back or is deleted, but its replacement starts at once.

import type { WorkQueue } from '../../../api/client/work-queue.ts'
import type { Node, Pod } from '../../../api/generated/types.ts'
import { type Stored, toKey } from '../../../api/objects/object.ts'
import { ignore, isConflict, isNotFound } from '../../../api/objects/status-error.ts'
import { pods } from '../../../api/resources/pods.ts'
import { type Controller, type ControllerContext, type Events, makeQueue } from '../controller.ts'
import { isSame } from '../same.ts'
import { toTimestamp } from '../timestamp.ts'
import { evictionTime } from './tolerations.ts'

export class TaintEvictionController implements Controller {
  readonly #context: ControllerContext
  readonly #events: Events
  readonly #queue: WorkQueue
  /** When a pod was first seen on its tainted node: for taints that do not say when they were added. By pod uid. */
  readonly #since = new Map<string, number>()

  constructor(context: ControllerContext) {
    const { view } = context
    this.#context = context
    this.#events = context.eventsOf('taint-eviction-controller')
    this.#queue = makeQueue('taint eviction', context.log, (key) => this.reconcile(key))
    view.nodes.onChange(({ old, object }) => {
      if (object === undefined || isSame(noExecute(old), noExecute(object))) return
      for (const pod of view.pods.byIndex('node', object.metadata.name)) this.#queue.add(toKey(pod))
    })
    view.pods.onChange(({ old, object }) => {
      if (old !== undefined && old.metadata.uid !== object?.metadata.uid) this.#since.delete(old.metadata.uid)
      const node = view.nodes.get(object?.spec.nodeName ?? '')
      if (object !== undefined && noExecute(node).length > 0) this.#queue.add(toKey(object))
    })
  }

  async run(signal: AbortSignal): Promise<void> {
    for (const node of this.#context.view.nodes.list()) {
      if (noExecute(node).length === 0) continue
      for (const pod of this.#context.view.pods.byIndex('node', node.metadata.name)) this.#queue.add(toKey(pod))
    }
    await this.#queue.run(signal)
  }

  /** Evicts one pod if its time has come. */
  async reconcile(key: string): Promise<void> {
    const { view, now } = this.#context
    const pod = view.pods.get(key)
    if (pod === undefined || pod.metadata.deletionTimestamp !== undefined) return
    const time = this.#evictionTime(pod)
    if (time === undefined) this.#since.delete(pod.metadata.uid)
    else if (time > now()) this.#queue.addAfter(key, time - now())
    else await this.#evict(pod)
  }

  #evictionTime(pod: Stored<Pod>): number | undefined {
    const { view, now } = this.#context
    const taints = noExecute(view.nodes.get(pod.spec.nodeName ?? ''))
    if (taints.length === 0) return undefined
    const sinceMs = this.#since.get(pod.metadata.uid) ?? now()
    this.#since.set(pod.metadata.uid, sinceMs)
    return evictionTime(taints, pod.spec.tolerations ?? [], sinceMs)
  }

  async #evict(pod: Stored<Pod>): Promise<void> {
    const { name, namespace, uid } = pod.metadata
    this.#events.event(pods, pod, 'Normal', 'TaintManagerEviction', `Marking for deletion Pod ${namespace}/${name}`)
    try {
      await this.#sayWhy(pod)
      await this.#context.client.delete(pods, pod.metadata, { preconditions: { uid } })
    } catch (error) {
      if (!isNotFound(error)) throw error
    }
  }

  /** A condition tells those who ask why the pod ended that it was not its own fault. */
  async #sayWhy({ metadata, status }: Stored<Pod>): Promise<void> {
    const others = status?.conditions?.filter(({ type }) => type !== 'DisruptionTarget') ?? []
    const condition = {
      type: 'DisruptionTarget',
      status: 'True',
      reason: 'DeletionByTaintManager',
      message: 'Taint manager: deleting due to NoExecute taint',
      lastTransitionTime: toTimestamp(this.#context.now()),
    }
    const { uid, resourceVersion } = metadata
    const patch = { metadata: { uid, resourceVersion }, status: { conditions: [...others, condition] } }
    const options = { subresource: 'status' }
    await this.#context.client
      .patch(pods, metadata, 'application/merge-patch+json', patch, options)
      .catch(ignore(isConflict)) // it is a courtesy: a status that changes all the time must not keep the pod here
  }
}

const noExecute = (node: Stored<Node> | undefined) =>
  node?.spec.taints?.filter(({ effect }) => effect === 'NoExecute') ?? []
