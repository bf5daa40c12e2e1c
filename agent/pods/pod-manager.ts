// All pods of this node: a worker for each pod that the API gives to the node, and the removal of whatever belongs to none.
// Nothing is removed before the API's list of pods and the runtime's list of containers are both known.

import { pause } from '../../api/client/alarm.ts'
import type { Client } from '../../api/client/client.ts'
import { type Change, Informer } from '../../api/client/informer.ts'
import type { Pod } from '../../api/generated/types.ts'
import { pods } from '../../api/resources/pods.ts'
import type { Container, Sandbox } from '../runtime/runtime.ts'
import { listCgroupPods, removeCgroups } from './cgroups.ts'
import type { PodDependencies } from './dependencies.ts'
import type { StoredPod } from './pod.ts'
import type { PodFailure } from './pod-ending.ts'
import { referencesOf } from './watched-objects.ts'
import { PodWorker } from './worker.ts'

export interface PodManagerOptions {
  client: Client
  nodeName: string
  deps: PodDependencies
  /** Told after each comparison which pods are here. */
  onSweep?: (pods: readonly StoredPod[]) => void
  onError: (error: unknown) => void
  /** Time between full comparisons of the runtime with what the workers know. */
  sweepMs?: number
}

const retryMs = 500

export class PodManager {
  readonly #options: PodManagerOptions
  readonly #informer: Informer<Pod>
  /** By pod uid. */
  readonly #workers = new Map<string, PodWorker>()
  readonly #runs = new Set<Promise<void>>()
  /** Resolved when what is left of earlier lives is known: workers wait for it. */
  readonly #surveyed = Promise.withResolvers<void>()
  #isSurveyed = false
  #signal: AbortSignal = AbortSignal.abort()

  constructor(options: PodManagerOptions) {
    this.#options = options
    const { client, nodeName, onError } = options
    this.#informer = new Informer(client, pods, { fieldSelector: `spec.nodeName=${nodeName}`, onError })
    this.#informer.onChange((change) => this.#onChange(change))
  }

  /** Pods of this node as the API last told of them. */
  list(): StoredPod[] {
    return [...this.#workers.values()].map(({ pod }) => pod)
  }

  /** Those of them that the node has taken: what they ask for is theirs. */
  taken(): StoredPod[] {
    return [...this.#workers.values()].filter(({ isTaken }) => isTaken).map(({ pod }) => pod)
  }

  /** Pods of this node with the status that their workers last reported. */
  reported(): Pod[] {
    return [...this.#workers.values()].map(({ pod, status }) => ({ ...pod, status }))
  }

  /** The pod "namespace/name" of this node, or undefined. */
  get(key: string): StoredPod | undefined {
    return this.#informer.get(key)
  }

  /** Ends a pod that the node cannot keep; it fails with this reason. */
  evict({ metadata }: StoredPod, why: PodFailure): void {
    this.#workers.get(metadata.uid)?.evict(why)
  }

  /** An object that volumes may show has changed ("configmaps/<namespace>/<name>"). */
  objectChanged(reference: string): void {
    for (const worker of this.#workers.values()) if (referencesOf(worker.pod).has(reference)) worker.refreshVolumes()
  }

  /** Runs the pods until the signal aborts; they go on running then. */
  async run(signal: AbortSignal): Promise<void> {
    this.#signal = signal
    await Promise.all([this.#informer.run(signal), this.#followEvents(signal), this.#sweep(signal)])
    await Promise.all(this.#runs)
  }

  #onChange({ old, object }: Change<Pod>): void {
    if (old !== undefined && old.metadata.uid !== object?.metadata.uid) this.#workers.get(old.metadata.uid)?.markGone()
    if (object === undefined) return
    const worker = this.#workers.get(object.metadata.uid)
    if (worker === undefined) this.#begin(object)
    else worker.update(object)
  }

  #begin(pod: StoredPod): void {
    const { uid } = pod.metadata
    const worker = new PodWorker(this.#options.deps, pod)
    this.#workers.set(uid, worker)
    const run = this.#surveyed.promise
      .then(() => worker.run(this.#signal))
      .catch(this.#options.onError)
      .finally(() => {
        this.#runs.delete(run)
        if (!this.#signal.aborted) this.#workers.delete(uid)
      })
    this.#runs.add(run)
  }

  async #followEvents(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        const events = this.#options.deps.runtime.events(signal)
        // Whatever happened before the stream began was not told: look at everything once.
        for (const worker of this.#workers.values()) worker.notice()
        for await (const { pod } of events) this.#workers.get(pod.uid)?.notice()
      } catch (error) {
        if (!signal.aborted) this.#options.onError(error)
      }
      await pause(retryMs, signal)
    }
  }

  async #sweep(signal: AbortSignal): Promise<void> {
    const { sweepMs = 60_000, onError, onSweep } = this.#options
    const aborted = new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }))
    await Promise.race([this.#informer.synced, aborted])
    let failures = 0
    while (!signal.aborted) {
      // Tokens in them grow old whether the runtime answers or not.
      for (const worker of this.#workers.values()) worker.refreshVolumes()
      try {
        failures = (await this.#compare()) ? 0 : failures + 1
        onSweep?.(this.list())
      } catch (error) {
        failures++
        onError(error)
      }
      const soonerMs = this.#isSurveyed ? retryMs * 2 ** failures : retryMs
      await pause(failures === 0 ? sweepMs : Math.min(soonerMs, sweepMs), signal)
    }
    this.#surveyed.resolve()
  }

  /** False when something is left of pods that are gone. */
  async #compare(): Promise<boolean> {
    const { deps, onError } = this.#options
    const { runtime, network, volumes, node } = deps
    const [sandboxes, containers] = await Promise.all([runtime.listSandboxes(), runtime.listContainers()])
    if (!this.#isSurveyed) {
      // Only now: later a sandbox made since the list would be taken for garbage.
      await network.collectGarbage(new Set(sandboxes.map(({ id }) => id))).catch(onError)
      this.#isSurveyed = true
      this.#surveyed.resolve()
    }
    await network.mend().catch(onError)
    for (const [uid, worker] of this.#workers) {
      const isHis = ({ pod }: Sandbox | Container) => pod.uid === uid
      if (worker.differsFrom(sandboxes.filter(isHis), containers.filter(isHis))) worker.notice()
    }
    const present = [...sandboxes, ...containers].map(({ pod }) => pod.uid)
    const traces = [...(await volumes.listPods()), ...(await listCgroupPods(node.cgroups))]
    let isClean = true
    for (const uid of new Set([...present, ...traces])) {
      if (this.#workers.has(uid)) continue
      await this.#removeOrphan(uid).catch((error: unknown) => {
        isClean = false
        onError(error)
      })
    }
    return isClean
  }

  /** Ends and removes what is left of a pod that the API does not know. */
  async #removeOrphan(uid: string): Promise<void> {
    const { runtime, network, policy, volumes, node } = this.#options.deps
    const [sandboxes, containers] = await Promise.all([runtime.listSandboxes(uid), runtime.listContainers(uid)])
    await Promise.all(
      containers.map(({ id, state }) => (state === 'running' ? runtime.stopContainer(id, 2) : undefined)),
    )
    for (const { id } of sandboxes) {
      await network.detach(id)
      policy.release(id)
      await runtime.stopSandbox(id)
      await runtime.removeSandbox(id)
    }
    for (const { id } of await runtime.listContainers(uid)) await runtime.removeContainer(id)
    await volumes.remove(uid)
    await removeCgroups(node.cgroups, uid)
  }
}
