// Keeps the kernel of this node at what NetworkPolicies want. Events only mark what changed; what changed within a few
// milliseconds is worked out from the newest objects and handed to the backend as one call. Nothing is written before all
// lists are whole: rules of an earlier life stay in force until then. A pod worker waits at the gate until the rules of its
// pod are in the kernel, so that no container ever runs without them.

import type { Client } from '../../api/client/client.ts'
import { Informer, whenSynced } from '../../api/client/informer.ts'
import { Upkeep } from '../../api/client/upkeep.ts'
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
  /** Sandboxes that are attached; at the start those of an earlier life of the agent, whose pods may run already. */
  attached: () => Promise<AttachedSandbox[]>
  onError: (error: unknown) => void
}

/** A sandbox that has got its addresses, and the pod that it is for. */
interface Admission {
  sandboxId: string
  pod: Stored<Pod>
  ips: readonly string[]
}

export class NetworkPolicies implements Verifiable {
  readonly #options: NetworkPoliciesOptions
  readonly #policies: Informer<NetworkPolicy>
  readonly #namespaces: Informer<Namespace>
  readonly #pods: Informer<Pod>
  readonly #table = new PolicyTable()
  readonly #attached = new AttachedPods()
  readonly #changed = { policies: new Set<string>(), namespaces: new Set<string>(), pods: new Set<string>() }
  /** Resolved or rejected with the outcome of the next sync. */
  #next = makeOutcome()
  /** The backend's calls are its: they must not overlap. */
  readonly #upkeep: Upkeep

  constructor(options: NetworkPoliciesOptions) {
    const { client, onError } = options
    this.#options = options
    this.#upkeep = new Upkeep({ sync: (isResync) => this.#sync(isResync), onError })
    this.#policies = new Informer(client, networkPolicies, { onError })
    this.#namespaces = new Informer(client, namespaces, { onError })
    this.#pods = new Informer(client, pods, { onError, trim: trimPod })
    this.#policies.onChange(({ old, object }) => this.#mark('policies', toKey(object ?? old ?? {})))
    this.#namespaces.onChange(({ old, object }) => this.#mark('namespaces', toKey(object ?? old ?? {})))
    this.#pods.onChange(({ old, object }) => this.#mark('pods', toKey(object ?? old ?? {})))
  }

  /** Keeps policies until the signal aborts. The rules stay: they hold while the agent restarts. Rejects when it can no longer follow the cluster. */
  async run(signal: AbortSignal): Promise<void> {
    for (const sandbox of await this.#options.attached()) this.#attached.set(sandbox)
    const informers = [this.#policies, this.#namespaces, this.#pods]
    const following = Promise.all(informers.map((informer) => informer.run(signal)))
    await Promise.race([whenSynced(informers, signal), following])
    // A cluster without policies gets the base rules, and loses what an earlier life left.
    await Promise.all([following, this.#upkeep.run(signal)])
    this.#next.reject(new Error('the agent stops: rules of new pods are not written any more'))
  }

  /** Looks at the kernel now: somebody else has changed it. */
  resync(): void {
    this.#upkeep.resync()
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
    return await this.#upkeep.exclusively(() => this.#options.backend.verify())
  }

  async repair(): Promise<void> {
    await this.#upkeep.exclusively(() => this.#options.backend.resync())
  }

  get #isChanged(): boolean {
    const { policies, namespaces, pods } = this.#changed
    return policies.size + namespaces.size + pods.size > 0
  }

  #mark(kind: 'policies' | 'namespaces' | 'pods', key: string): void {
    this.#changed[kind].add(key)
    this.#upkeep.wake()
  }

  /** The backend knows what it could not write, and does so with the next call. */
  async #sync(isResync: boolean): Promise<void> {
    const outcome = this.#next
    this.#next = makeOutcome()
    const isChanged = this.#isChanged
    try {
      this.#updateTable()
      if (isChanged) await this.#options.backend.apply(this.#table.takeChanges())
      if (isResync || !isChanged) await this.#options.backend.resync()
      outcome.resolve()
      if (isResync) await this.#forgetDetached()
    } catch (error) {
      outcome.reject(error)
      throw error
    }
  }

  /** Sandboxes that went without a word: those of pods that nobody knows any more, which the agent found when it started. */
  async #forgetDetached(): Promise<void> {
    const known = this.#attached.sandboxIds()
    const there = new Set((await this.#options.attached()).map(({ sandboxId }) => sandboxId))
    for (const sandboxId of known) if (!there.has(sandboxId)) this.release(sandboxId)
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
      const pod = newerOf(this.#pods.get(key), this.#attached.podOf(key))
      this.#table.setPod(key, pod && toPolicyPod(pod, this.#options.nodeName, this.#attached.ipsOf(key)))
    }
    for (const keys of [policies, namespaces, pods]) keys.clear()
  }
}

/** A pod may be admitted before the informer has heard of it, or while it still has another of that name, or other labels. */
function newerOf(known: Stored<Pod> | undefined, admitted: Stored<Pod> | undefined): Stored<Pod> | undefined {
  if (known === undefined || admitted === undefined) return known ?? admitted
  return BigInt(admitted.metadata.resourceVersion) > BigInt(known.metadata.resourceVersion) ? admitted : known
}

function makeOutcome(): PromiseWithResolvers<void> {
  const outcome = Promise.withResolvers<void>()
  outcome.promise.catch(() => undefined) // whoever waits for it hears of it
  return outcome
}
