// Watches over nodes: one that is not heard of in time is unreachable, its pods leave their services at once, and taints
// keep new pods away and (taint-eviction.ts) send the present ones elsewhere. Owns the taints under node.kubernetes.io
// that stand for conditions, and the conditions of silent nodes. A heartbeat costs one look-up; nothing polls.

import type { WorkQueue } from '../../../api/client/work-queue.ts'
import type { Node, NodeCondition, Pod } from '../../../api/generated/types.ts'
import type { Stored } from '../../../api/objects/object.ts'
import { isConflict, isNotFound } from '../../../api/objects/status-error.ts'
import { nodes } from '../../../api/resources/nodes.ts'
import { pods } from '../../../api/resources/pods.ts'
import { type Controller, type ControllerContext, type Events, makeQueue } from '../controller.ts'
import { runAll } from '../in-batches.ts'
import { isPodReady } from '../pod-state.ts'
import { toTimestamp } from '../timestamp.ts'
import { Heartbeats } from './heartbeat.ts'
import { isNodeReady, planSilence, planTaints, readyCondition } from './plan.ts'

const leaseNamespace = 'kube-node-lease'

export class NodeLifecycleController implements Controller {
  readonly #context: ControllerContext
  readonly #events: Events
  readonly #queue: WorkQueue
  readonly #heartbeats = new Heartbeats()
  /** Names of nodes that are not ready. When it holds all there are, nobody is evicted. */
  readonly #down = new Set<string>()
  #wereAllDown = false

  constructor(context: ControllerContext) {
    const { view } = context
    this.#context = context
    this.#events = context.eventsOf('node-controller')
    this.#queue = makeQueue('node', context.log, (key) => this.reconcile(key))
    view.nodes.onChange(({ old, object }) => this.#onNode(old, object))
    view.leases.onChange(({ old, object }) => {
      const { namespace, name = '' } = (object ?? old)?.metadata ?? {}
      if (namespace === leaseNamespace) this.#onLease(name)
    })
    view.pods.onChange(({ object }) => {
      const name = object?.spec.nodeName ?? ''
      if (this.#down.has(name)) this.#queue.add(name)
    })
  }

  async run(signal: AbortSignal): Promise<void> {
    for (const node of this.#context.view.nodes.list()) this.#onNode(undefined, node)
    await this.#queue.run(signal)
  }

  /** Makes one node's conditions, taints and pods agree with what was heard of it. */
  async reconcile(name: string): Promise<void> {
    const { view, timings, now } = this.#context
    const found = view.nodes.get(name)
    if (found === undefined) return
    const silentForMs = now() - this.#note(found)
    const graceMs = readyCondition(found.status) ? timings.nodeMonitorGraceMs : timings.nodeStartupGraceMs
    if (silentForMs < graceMs) this.#queue.addAfter(name, graceMs - silentForMs)
    const silence = silentForMs < graceMs ? undefined : planSilence(found, now())
    const node = silence === undefined ? found : await this.#reportSilence(found, silence)
    await this.#taint(node)
    if (readyCondition(node.status)?.status === 'Unknown') await this.#markPodsNotReady(node)
  }

  /** A heartbeat of a node that is well only moves its time on; the key is due again when its grace ends. */
  #onLease(name: string): void {
    const node = this.#context.view.nodes.get(name)
    if (node === undefined) return
    this.#note(node)
    if (this.#down.has(name)) this.#queue.add(name)
  }

  #note(node: Stored<Node>): number {
    const lease = this.#context.view.leases.get(`${leaseNamespace}/${node.metadata.name}`)
    return this.#heartbeats.note(node, lease, this.#context.now())
  }

  #onNode(old: Stored<Node> | undefined, object: Stored<Node> | undefined): void {
    const name = (object ?? old)?.metadata.name ?? ''
    if (object === undefined) {
      this.#heartbeats.forget(name)
      this.#down.delete(name)
      if (old !== undefined) this.#say(old, 'RemovingNode', `Node ${name} event: Removing Node ${name} from Controller`)
    } else {
      if (isNodeReady(object)) this.#down.delete(name)
      else this.#down.add(name)
      if (old !== undefined) this.#sayTransition(old, object)
    }
    this.#judgeAll()
    this.#queue.add(name)
  }

  #sayTransition(old: Stored<Node>, { metadata, status }: Stored<Node>): void {
    const [before, after] = [old.status, status].map((each) => readyCondition(each)?.status)
    if (before === undefined && after !== undefined) {
      const message = `Node ${metadata.name} event: Registered Node ${metadata.name} in Controller`
      this.#say(old, 'RegisteredNode', message)
    }
    if (before === 'True' && after !== 'True') {
      this.#say(old, 'NodeNotReady', `Node ${metadata.name} status is now: NodeNotReady`)
    }
  }

  /** When the last node goes down or the first comes back, all taints are to be looked at again. */
  #judgeAll(): void {
    const { view, now } = this.#context
    const count = view.nodes.list().length
    const areAllDown = count > 0 && this.#down.size >= count
    if (areAllDown === this.#wereAllDown) return
    this.#wereAllDown = areAllDown
    // Those that are still silent get a whole grace period: it may have been us who were cut off.
    if (!areAllDown) this.#heartbeats.resetAll(now())
    for (const { metadata } of view.nodes.list()) this.#queue.add(metadata.name)
  }

  async #reportSilence({ metadata }: Stored<Node>, conditions: NodeCondition[]): Promise<Stored<Node>> {
    const { uid, resourceVersion } = metadata
    const patch = { metadata: { uid, resourceVersion }, status: { conditions } }
    const options = { subresource: 'status' }
    return this.#context.client.patch(nodes, metadata, 'application/merge-patch+json', patch, options)
  }

  async #taint(node: Stored<Node>): Promise<void> {
    const taints = planTaints(node, !this.#wereAllDown, this.#context.now())
    if (taints === undefined) return
    const { uid, resourceVersion } = node.metadata
    const patch = { metadata: { uid, resourceVersion }, spec: { taints } }
    await this.#context.client.patch(nodes, node.metadata, 'application/merge-patch+json', patch)
  }

  /** Nobody answers for these pods any more, so they leave their services' endpoints. */
  async #markPodsNotReady({ metadata }: Stored<Node>): Promise<void> {
    const ready = this.#context.view.pods.byIndex('node', metadata.name).filter(isPodReady)
    const { error } = await runAll(ready.map((pod) => () => this.#markNotReady(pod)))
    if (error !== undefined) throw error
  }

  async #markNotReady(pod: Stored<Pod>): Promise<void> {
    const lastTransitionTime = toTimestamp(this.#context.now())
    const conditions = pod.status?.conditions?.map((condition) =>
      condition.type === 'Ready' ? { ...condition, status: 'False', lastTransitionTime } : condition,
    )
    const { uid, resourceVersion } = pod.metadata
    const patch = { metadata: { uid, resourceVersion }, status: { conditions } }
    try {
      await this.#context.client.patch(pods, pod.metadata, 'application/merge-patch+json', patch, {
        subresource: 'status',
      })
    } catch (error) {
      // Changed or gone meanwhile: the pod's own change brings the node back.
      if (!isConflict(error) && !isNotFound(error)) throw error
      return
    }
    this.#events.event(pods, pod, 'Warning', 'NodeNotReady', 'Node is not ready')
  }

  #say(node: Stored<Node>, reason: string, message: string): void {
    this.#events.event(nodes, node, 'Normal', reason, message)
  }
}
