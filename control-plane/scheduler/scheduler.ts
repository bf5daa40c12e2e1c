// Gives every pod a node. Owns the decision and the binding call; what runs on a node is the agent's. One pod is
// decided at a time, on a cluster view that counts earlier decisions at once; bindings are under way in parallel.
// A scheduler can be killed at any line: the next one starts from what the API server has.

import { isDeepStrictEqual } from 'node:util'
import type { Client } from '../../api/client/client.ts'
import { EventRecorder } from '../../api/client/event-recorder.ts'
import { type Change, Informer } from '../../api/client/informer.ts'
import type { Node, Pod } from '../../api/generated/types.ts'
import { parseKey, type Stored, toKey } from '../../api/objects/object.ts'
import { isConflict, isNotFound } from '../../api/objects/status-error.ts'
import { nodes } from '../../api/resources/nodes.ts'
import { pods } from '../../api/resources/pods.ts'
import { Cluster } from './cluster.ts'
import { defaultFilters } from './filters.ts'
import { decide, formatReasons } from './pipeline.ts'
import { SchedulingQueue } from './scheduling-queue.ts'
import { defaultScores } from './scores.ts'

export interface SchedulerOptions {
  client: Client
  /** Told of what failed and will be tried again. */
  onError: (error: unknown) => void
  /** Pods with this spec.schedulerName are ours. */
  name?: string
  random?: () => number
}

const bindingsAtOnce = 64

export class Scheduler {
  readonly #client: Client
  readonly #onError: (error: unknown) => void
  readonly #name: string
  readonly #random: () => number
  readonly #pods: Informer<Pod>
  readonly #nodes: Informer<Node>
  readonly #recorder: EventRecorder
  readonly #cluster = new Cluster()
  readonly #queue = new SchedulingQueue()
  readonly #bindings = new Set<Promise<void>>()
  /** Where the next decision starts in the list of nodes. */
  #start = 0

  constructor({ client, onError, name = 'default-scheduler', random = Math.random }: SchedulerOptions) {
    this.#client = client
    this.#onError = onError
    this.#name = name
    this.#random = random
    this.#pods = new Informer(client, pods, { onError })
    this.#nodes = new Informer(client, nodes, { onError })
    this.#recorder = new EventRecorder(client, { component: name, onError })
    this.#pods.onChange((change) => this.#onPod(change))
    this.#nodes.onChange((change) => this.#onNode(change))
  }

  /** Schedules until the signal aborts, then waits for bindings under way. */
  async run(signal: AbortSignal): Promise<void> {
    const informers = Promise.all([this.#pods.run(signal), this.#nodes.run(signal)])
    await Promise.race([Promise.all([this.#pods.synced, this.#nodes.synced]), informers])
    await Promise.race([this.#schedule(signal), informers])
    await informers
    await Promise.all(this.#bindings)
    await this.#recorder.flush()
    this.#queue.close()
  }

  async #schedule(signal: AbortSignal): Promise<void> {
    for (let key = await this.#queue.next(signal); key !== undefined; key = await this.#queue.next(signal)) {
      this.#scheduleOne(key, signal)
      if (this.#bindings.size >= bindingsAtOnce) await Promise.race(this.#bindings)
    }
  }

  #scheduleOne(key: string, signal: AbortSignal): void {
    const pod = this.#pods.get(key)
    if (pod === undefined || !this.#isOurs(pod)) {
      this.#queue.remove(key)
      return
    }
    const all = this.#cluster.nodes
    const pipeline = { filters: defaultFilters, scores: defaultScores, random: this.#random }
    const { nodeName, reasons, visited } = decide(pipeline, pod, all, this.#start)
    this.#start = (this.#start + visited) % Math.max(1, all.length)
    if (nodeName === undefined) {
      this.#queue.park(key)
      this.#track(this.#reportUnschedulable(pod, formatReasons(all.length, reasons), signal))
    } else {
      this.#cluster.assume(pod, nodeName)
      this.#track(this.#bind(pod, nodeName, signal))
    }
  }

  /** Work under way that nobody awaits but run's end; its own failures are handled inside. */
  #track(work: Promise<void>): void {
    const tracked = work.finally(() => this.#bindings.delete(tracked))
    this.#bindings.add(tracked)
  }

  async #bind(pod: Stored<Pod>, nodeName: string, signal: AbortSignal): Promise<void> {
    const { name, namespace, uid } = pod.metadata
    const binding = {
      apiVersion: 'v1',
      kind: 'Binding',
      metadata: { name, namespace, uid },
      target: { apiVersion: 'v1', kind: 'Node', name: nodeName },
    }
    const key = toKey(pod)
    try {
      await this.#client.createSubresource(pods, { name, namespace }, 'binding', binding, { signal })
      this.#queue.remove(key)
      this.#recorder.event(pod, 'Normal', 'Scheduled', `Successfully assigned ${namespace}/${name} to ${nodeName}`)
    } catch (error) {
      this.#undo(pod)
      if (signal.aborted) return
      // Somebody else bound or deleted it, which the watch will tell; if it does not, the pod is tried again.
      if (!isConflict(error) && !isNotFound(error)) {
        this.#onError(new Error(`cannot bind pod ${key} to ${nodeName}`, { cause: error }))
      }
      this.#queue.retry(key)
    }
  }

  #undo(pod: Stored<Pod>): void {
    const { uid } = pod.metadata
    // The watch may have confirmed a binding whose answer was lost.
    if (!this.#cluster.isAssumed(uid)) return
    this.#cluster.removePod(uid)
    this.#queue.wakeAll()
  }

  async #reportUnschedulable(pod: Stored<Pod>, message: string, signal: AbortSignal): Promise<void> {
    this.#recorder.event(pod, 'Warning', 'FailedScheduling', message)
    const known = pod.status?.conditions?.find(({ type }) => type === 'PodScheduled')
    if (known?.status === 'False' && known.message === message) return
    const lastTransitionTime =
      known?.status === 'False' ? known.lastTransitionTime : new Date().toISOString().replace(/\.\d+Z$/, 'Z')
    const condition = { type: 'PodScheduled', status: 'False', reason: 'Unschedulable', message, lastTransitionTime }
    const patch = { metadata: { uid: pod.metadata.uid }, status: { conditions: [condition] } }
    try {
      const options = { subresource: 'status', signal }
      await this.#client.patch(pods, parseKey(toKey(pod)), 'application/strategic-merge-patch+json', patch, options)
    } catch (error) {
      // Deleted, or deleted and made again, meanwhile: nobody is left to be told.
      if (signal.aborted || isNotFound(error) || isConflict(error)) return
      this.#onError(new Error(`cannot report why pod ${toKey(pod)} is pending`, { cause: error }))
    }
  }

  #onPod({ old, object }: Change<Pod>): void {
    if (old !== undefined && old.metadata.uid !== object?.metadata.uid) this.#forget(old)
    if (object === undefined) return
    if (hasEnded(object)) this.#forget(object)
    else if (isBound(object)) {
      this.#cluster.setPod(object)
      this.#queue.remove(toKey(object))
    } else if (!this.#isOurs(object)) this.#queue.remove(toKey(object))
    else if (!this.#cluster.isAssumed(object.metadata.uid) && isChanged(old, object)) {
      this.#queue.add(toKey(object), object.spec.priority ?? 0)
    }
  }

  #forget(pod: Stored<Pod>): void {
    this.#queue.remove(toKey(pod))
    if (this.#cluster.removePod(pod.metadata.uid)) this.#queue.wakeAll()
  }

  #onNode({ old, object }: Change<Node>): void {
    if (object === undefined) {
      if (old !== undefined) this.#cluster.removeNode(old.metadata.name)
      return
    }
    this.#cluster.setNode(object)
    if (old === undefined || mayMakeRoom(old, object)) this.#queue.wakeAll()
  }

  #isOurs(pod: Stored<Pod>): boolean {
    const { schedulerName = 'default-scheduler', schedulingGates = [] } = pod.spec
    const isLeaving = pod.metadata.deletionTimestamp !== undefined
    return !isBound(pod) && !isLeaving && schedulerName === this.#name && schedulingGates.length === 0
  }
}

const isBound = ({ spec }: Stored<Pod>) => spec.nodeName !== undefined && spec.nodeName !== ''
const hasEnded = ({ status }: Stored<Pod>) => status?.phase === 'Succeeded' || status?.phase === 'Failed'

/** Our own report changes only the status, which is no reason to try again. */
function isChanged(old: Stored<Pod> | undefined, pod: Stored<Pod>): boolean {
  if (old === undefined || old.metadata.uid !== pod.metadata.uid) return true
  return !isDeepStrictEqual([old.spec, old.metadata.labels], [pod.spec, pod.metadata.labels])
}

/** Heartbeats make no room; taints, labels and capacity do. */
function mayMakeRoom(old: Stored<Node>, node: Stored<Node>): boolean {
  const view = ({ spec, metadata, status }: Stored<Node>) => [
    spec.taints,
    spec.unschedulable,
    metadata.labels,
    status?.allocatable,
  ]
  return !isDeepStrictEqual(view(old), view(node))
}
