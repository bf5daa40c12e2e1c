// Who belongs to whom: a controller owns the objects that its selector matches and that no other controller owns.
// Objects that match and are nobody's are adopted; own ones that match no longer are released.
// https://kubernetes.io/docs/concepts/workloads/controllers/replicaset/#non-template-pod-acquisitions

import type { Client } from '../../api/client/client.ts'
import type { OwnerReference } from '../../api/generated/types.ts'
import { type ApiObject, controllerOf, type Stored } from '../../api/objects/object.ts'
import type { Selector } from '../../api/objects/selectors.ts'
import { ignore, isInvalid, isNotFound } from '../../api/objects/status-error.ts'
import type { Resource, ResourceType } from '../../api/resources/resource.ts'
import { ownerReference } from './cluster-view.ts'

/** What is to be done so that the owner has what is its own. */
export interface Claims<T extends ApiObject> {
  owned: Stored<T>[]
  adopt: Stored<T>[]
  release: Stored<T>[]
}

/** Sorts candidates: those the owner controls, and orphans of its namespace. */
export function planClaims<T extends ApiObject>(
  owner: Stored<ApiObject>,
  selector: Selector,
  candidates: Stored<T>[],
): Claims<T> {
  const claims: Claims<T> = { owned: [], adopt: [], release: [] }
  const isLeaving = owner.metadata.deletionTimestamp !== undefined
  for (const object of candidates) {
    const controller = controllerOf(object)
    const matches = selector.matches(object.metadata.labels)
    if (controller === undefined) {
      if (matches && !isLeaving && object.metadata.deletionTimestamp === undefined) claims.adopt.push(object)
    } else if (controller.uid === owner.metadata.uid) {
      if (matches || isLeaving) claims.owned.push(object)
      else claims.release.push(object)
    }
  }
  return claims
}

/** Gives orphans an owner. Asks for the owner itself first: one that was deleted and made anew must not adopt. Returns the adopted. */
export async function adopt<T extends ApiObject>(
  client: Client,
  owner: { resource: Resource; object: Stored<ApiObject> },
  resource: ResourceType<T>,
  orphans: Stored<T>[],
): Promise<Stored<T>[]> {
  if (orphans.length === 0) return []
  const live = await client.get(owner.resource, owner.object.metadata)
  if (live.metadata.uid !== owner.object.metadata.uid || live.metadata.deletionTimestamp !== undefined) return []
  const reference = ownerReference(owner.resource, owner.object, true)
  const adopted: Stored<T>[] = []
  for (const orphan of orphans) {
    adopted.push(await patchOwners(client, resource, orphan, [...(orphan.metadata.ownerReferences ?? []), reference]))
  }
  return adopted
}

/** Takes the owner off objects that its selector matches no longer. Those that went in the meantime do not matter. */
export async function release<T extends ApiObject>(
  client: Client,
  ownerUid: string,
  resource: ResourceType<T>,
  objects: Stored<T>[],
): Promise<void> {
  for (const object of objects) {
    const others = object.metadata.ownerReferences?.filter(({ uid }) => uid !== ownerUid) ?? []
    await patchOwners(client, resource, object, others).catch(ignore(isNotFound, isInvalid))
  }
}

function patchOwners<T extends ApiObject>(
  client: Client,
  resource: ResourceType<T>,
  { metadata }: Stored<T>,
  ownerReferences: OwnerReference[],
): Promise<Stored<T>> {
  const { uid, resourceVersion } = metadata
  const patch = { metadata: { uid, resourceVersion, ownerReferences } }
  return client.patch(resource, metadata, 'application/merge-patch+json', patch)
}
