// Keeps the kernel of this node at what NetworkPolicies want. Events only mark what changed; what changed within a few
// milliseconds is worked out from the newest objects and handed to the backend as one call. Nothing is written before all
// lists are whole: rules of an earlier life stay in force until then. A pod worker waits at the gate until the rules of its
// pod are in the kernel, so that no container ever runs without them.

import type { Client } from '../../api/client/client.ts'
import { Informer } from '../../api/client/informer.ts'
import { pause } from '../../api/client/work-queue.ts'
import type { Namespace, NetworkPolicy, Pod } from '../../api/generated/types.ts'
import type { Difference, Verifiable } from '../../api/net/difference.ts'
import { type Stored, toKey } from '../../api/objects/object.ts'
import { namespaces } from '../../api/resources/namespaces.ts'
import { networkPolicies } from '../../api/resources/network-policies.ts'
import { pods } from '../../api/resources/pods.ts'
import { AttachedPods, type AttachedSandbox } from './attached-pods.ts'
import type { PolicyBackend } from './backend.ts'
import { toPolicyPod, trimPod } from './pod.ts'
import { PolicyTable } from './table.ts'

export interface NetworkPoliciesOptions {
  client: Client
  nodeName: string
  backend: PolicyBackend
  /** Sandboxes that an earlier life of the agent attached: their pods may run already. */
  attached: () => Promise<AttachedSandbox[]>
  onError: (error: unknown) => void
}

/** A sandbox that has got its addresses, and the pod that it is for. */
interface Admission {
  sandboxId: string
  pod: Stored<Pod>
  ips: readonly string[]
}

/** How long changes are collected: pods of a rollout come in bursts. */
const collectMs = 5
const retryMs = 1_000
/** A full comparison with the kernel: the net under the mechanism, for rules that somebody else flushed. */
const resyncMs = 60_000

export class NetworkPolicies implements Verifiable {
  readonly #options: NetworkPoliciesOptions
  readonly #policies: Informer<NetworkPolicy>
  readonly #namespaces: Informer<Namespace>
  readonly #pods: Informer<Pod>
  readonly #table = new PolicyTable()
  readonly #attached = new AttachedPods()
  readonly #changed = { policies: new Set<string>(), namespaces: new Set<string>(), pods: new Set<string>() }
  /** Resolved or rejected with the outcome of the next sync. */
  #next = Promise.withResolvers<void>()
  /** Calls of the backend never overlap. */
  #backendFree: Promise<unknown> = Promise.resolve()
  #wake: (() => void) | undefined

  constructor(options: NetworkPoliciesOptions) {
    const { client, onError } = options
    this.#options = options
    this.#policies = new Informer(client, networkPolicies, { onError })
    this.#namespaces = new Informer(client, namespaces, { onError })
    this.#pods = new Informer(client, pods, { onError, trim: trimPod })
    this.#policies.onChange(({ old, object }) => this.#mark('policies', toKey(object ?? old ?? {})))
    this.#namespaces.onChange(({ old, object }) => this.#mark('namespaces', toKey(object ?? old ?? {})))
    this.#pods.onChange(({ old, object }) => this.#mark('pods', toKey(object ?? old ?? {})))
    this.#next.promise.catch(() => undefined) // whoever waits for it hears of it
  }

  /** Keeps policies until the signal aborts. The rules stay: they hold while the agent restarts. Rejects when it can no longer follow the cluster. */
  async run(signal: AbortSignal): Promise<void> {
    const wakeUp = () => this.#wake?.()
    signal.addEventListener('abort', wakeUp)
    for (const sandbox of await this.#options.attached()) this.#attached.set(sandbox)
    const informers = [this.#policies, this.#namespaces, this.#pods]
    const following = Promise.all(informers.map((informer) => informer.run(signal)))
    await Promise.race([Promise.all(informers.map(({ synced }) => synced)), following])
    await Promise.all([following, this.#keep(signal)])
    signal.removeEventListener('abort', wakeUp)
  }

  /** Resolves when the rules for the pod and these addresses are in the kernel; rejects when they could not be written. */
  async admit({ sandboxId, pod, ips }: Admission): Promise<void> {
    const podKey = toKey(pod)
    this.#attached.set({ sandboxId, podKey, ips, pod })
    const { promise } = this.#next
    this.#mark('pods', podKey)
    await promise
  }

  /** The sandbox is off the network: its addresses mean nothing any more. */
  release(sandboxId: string): void {
    const podKey = this.#attached.delete(sandboxId)
    if (podKey !== undefined) this.#mark('pods', podKey)
  }

  async verify(): Promise<Difference[]> {
    return await this.#exclusively(() => this.#options.backend.verify())
  }

  async repair(): Promise<void> {
    await this.#exclusively(() => this.#options.backend.resync())
  }

  async #keep(signal: AbortSignal): Promise<void> {
    // A cluster without policies gets the base rules, and loses what an earlier life left.
    let due = true
    while (!signal.aborted) {
      if (due || this.#isChanged) due = !(await this.#sync(signal))
      if (!signal.aborted && !due && !this.#isChanged) due = await this.#waitForChange()
    }
  }

  get #isChanged(): boolean {
    const { policies, namespaces, pods } = this.#changed
    return policies.size + namespaces.size + pods.size > 0
  }

  #mark(kind: 'policies' | 'namespaces' | 'pods', key: string): void {
    this.#changed[kind].add(key)
    this.#wake?.()
  }

  /** Returns whether a resync is due instead of a change. */
  async #waitForChange(): Promise<boolean> {
    const { promise, resolve } = Promise.withResolvers<boolean>()
    const timer = setTimeout(resolve, resyncMs, true)
    this.#wake = () => resolve(false)
    const due = await promise
    clearTimeout(timer)
    this.#wake = undefined
    return due
  }

  /** Returns whether all went well. The backend knows what it could not write, and does so with the next call. */
  async #sync(signal: AbortSignal): Promise<boolean> {
    await pause(collectMs, signal)
    const outcome = this.#next
    this.#next = Promise.withResolvers()
    this.#next.promise.catch(() => undefined) // as above
    const isChanged = this.#isChanged
    this.#updateTable()
    const changes = this.#table.takeChanges()
    try {
      await this.#exclusively(() => (isChanged ? this.#options.backend.apply(changes) : this.#options.backend.resync()))
      outcome.resolve()
      return true
    } catch (error) {
      outcome.reject(error)
      this.#options.onError(error)
      await pause(retryMs, signal)
      return false
    }
  }

  /** Policies before pods: then a pod is looked at once. */
  #updateTable(): void {
    const { policies, namespaces, pods } = this.#changed
    for (const key of namespaces) {
      const namespace = this.#namespaces.get(key)
      this.#table.setNamespace(key, namespace && (namespace.metadata.labels ?? {}))
    }
    for (const key of policies) this.#table.setPolicy(key, this.#policies.get(key))
    for (const key of pods) {
      const pod = this.#pods.get(key) ?? this.#attached.podOf(key)
      this.#table.setPod(key, pod && toPolicyPod(pod, this.#options.nodeName, this.#attached.ipsOf(key)))
    }
    for (const keys of [policies, namespaces, pods]) keys.clear()
  }

  async #exclusively<T>(call: () => Promise<T>): Promise<T> {
    const turn = this.#backendFree.then(call)
    this.#backendFree = turn.catch(() => undefined) // the caller hears of it
    return await turn
  }
}
