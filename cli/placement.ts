// Puts the objects of manifests where they belong: the type from the server, the namespace from the object or the flags.

import type { ApiObject, ObjectName } from '../api/objects/object.ts'
import type { DiscoveredType } from './discovery.ts'
import type { Manifest } from './manifests.ts'
import type { Session } from './session.ts'

/** An object with its type, name and namespace settled. */
export interface Placed {
  type: DiscoveredType
  name: ObjectName
  object: ApiObject
}

/** Throws when the manifest names another namespace than the user, or no name at all. */
export async function place(session: Session, { object, source }: Manifest): Promise<Placed> {
  const type = await session.discovery.findKind(object.apiVersion, object.kind)
  const { name, namespace: own, generateName } = object.metadata ?? {}
  if (name === undefined && generateName === undefined) {
    throw new Error(`error validating "${source}": metadata.name of the ${object.kind} is not set`)
  }
  if (!type.namespaced) return { type, name: { name: name ?? '' }, object }
  if (own !== undefined && session.isNamespaceGiven && own !== session.namespace) {
    throw new Error(
      `the namespace from the provided object "${own}" does not match the namespace "${session.namespace}". You must pass '--namespace=${own}' to perform this operation.`,
    )
  }
  const namespace = own ?? session.namespace
  return {
    type,
    name: { namespace, name: name ?? '' },
    object: { ...object, metadata: { ...object.metadata, namespace } },
  }
}
