// Which addresses this node's sandboxes have, known before the API hears of them.

import type { Pod } from '../../api/generated/types.ts'
import type { Stored } from '../../api/objects/object.ts'

/** A sandbox in the pod network. */
export interface AttachedSandbox {
  sandboxId: string
  /** "namespace/name" of its pod. */
  podKey: string
  ips: readonly string[]
  /** The pod as its worker knew it, for the time until the informer has it. */
  pod?: Stored<Pod>
}

export class AttachedPods {
  readonly #sandboxes = new Map<string, AttachedSandbox>()
  readonly #byPod = new Map<string, Set<string>>()

  set(sandbox: AttachedSandbox): void {
    const { sandboxId, podKey } = sandbox
    this.delete(sandboxId)
    this.#sandboxes.set(sandboxId, sandbox)
    this.#byPod.set(podKey, (this.#byPod.get(podKey) ?? new Set()).add(sandboxId))
  }

  /** Returns the key of the pod that lost its sandbox. */
  delete(sandboxId: string): string | undefined {
    const podKey = this.#sandboxes.get(sandboxId)?.podKey
    if (podKey === undefined) return undefined
    this.#sandboxes.delete(sandboxId)
    const siblings = this.#byPod.get(podKey)
    siblings?.delete(sandboxId)
    if (siblings?.size === 0) this.#byPod.delete(podKey)
    return podKey
  }

  sandboxIds(): string[] {
    return [...this.#sandboxes.keys()]
  }

  /** Addresses of all of the pod's sandboxes. */
  ipsOf(podKey: string): string[] {
    return this.#of(podKey).flatMap(({ ips }) => [...ips])
  }

  /** The pod as its newest worker knew it. */
  podOf(podKey: string): Stored<Pod> | undefined {
    return this.#of(podKey).findLast(({ pod }) => pod !== undefined)?.pod
  }

  #of(podKey: string): AttachedSandbox[] {
    return [...(this.#byPod.get(podKey) ?? [])].flatMap((id) => this.#sandboxes.get(id) ?? [])
  }
}
