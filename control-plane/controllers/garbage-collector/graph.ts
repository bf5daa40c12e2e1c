// Who depends on whom, by uid, kept up to date by the informers' changes. Metadata is all that it looks at.

import type { ObjectMeta, OwnerReference } from '../../../api/generated/types.ts'
import type { ApiObject, Stored } from '../../../api/objects/object.ts'
import type { Resource } from '../../../api/resources/resource.ts'

export const foregroundFinalizer = 'foregroundDeletion'
export const orphanFinalizer = 'orphan'

/** An object as the graph knows it. */
export interface GraphNode {
  resource: Resource
  metadata: Stored<ApiObject>['metadata']
}

/** All objects that are there, and what names them as owner, whether the owner is there or not. */
export class OwnerGraph {
  readonly #nodes = new Map<string, GraphNode>()
  /** owner uid -> uids of dependents */
  readonly #dependents = new Map<string, Set<string>>()

  get(uid: string): GraphNode | undefined {
    return this.#nodes.get(uid)
  }

  dependentsOf(uid: string): GraphNode[] {
    return [...(this.#dependents.get(uid) ?? [])].flatMap((dependent) => this.#nodes.get(dependent) ?? [])
  }

  /** Takes in a change and returns the uids of objects that must be looked at because of it. */
  change(resource: Resource, old: ObjectMeta | undefined, metadata: GraphNode['metadata'] | undefined): string[] {
    const isReplaced = old !== undefined && old.uid !== metadata?.uid
    const gone = isReplaced ? this.#remove(old) : []
    return metadata === undefined ? gone : [...gone, ...this.#set(resource, isReplaced ? undefined : old, metadata)]
  }

  #remove(old: ObjectMeta): string[] {
    const uid = old.uid ?? ''
    this.#nodes.delete(uid)
    for (const owner of ownersOf(old)) this.#unlink(owner.uid, uid)
    // Dependents may be garbage now; owners may have waited for this one.
    return [...(this.#dependents.get(uid) ?? []), ...ownersOf(old).map((owner) => owner.uid)]
  }

  #set(resource: Resource, old: ObjectMeta | undefined, metadata: GraphNode['metadata']): string[] {
    const { uid } = metadata
    this.#nodes.set(uid, { resource, metadata })
    const owners = ownersOf(metadata)
    const lost = ownersOf(old).filter((before) => !owners.some((owner) => owner.uid === before.uid))
    for (const owner of lost) this.#unlink(owner.uid, uid)
    for (const owner of owners) this.#dependents.set(owner.uid, (this.#dependents.get(owner.uid) ?? new Set()).add(uid))
    const isDeleting = metadata.deletionTimestamp !== undefined
    if (isDeleting) return [uid, ...this.#wokenByDeletion(metadata), ...owners.map((owner) => owner.uid)]
    const hasNewOwners = JSON.stringify(ownersOf(old)) !== JSON.stringify(owners)
    return hasNewOwners ? [uid, ...lost.map((owner) => owner.uid), ...owners.map((owner) => owner.uid)] : []
  }

  #wokenByDeletion({ uid, finalizers }: GraphNode['metadata']): string[] {
    return finalizers?.includes(foregroundFinalizer) ? [...(this.#dependents.get(uid) ?? [])] : []
  }

  #unlink(owner: string, dependent: string): void {
    const dependents = this.#dependents.get(owner)
    dependents?.delete(dependent)
    if (dependents?.size === 0) this.#dependents.delete(owner)
  }
}

/** The references, never undefined. */
export function ownersOf(metadata: ObjectMeta | undefined): OwnerReference[] {
  return metadata?.ownerReferences ?? []
}
