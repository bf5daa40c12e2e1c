// What every API object has in common, and the names by which objects are known inside the cluster.

import type { ObjectMeta, OwnerReference } from '../generated/types.ts'

/** Any Kubernetes object, as a client may send it: nearly everything is optional. */
export interface ApiObject {
  apiVersion?: string
  kind?: string
  metadata?: ObjectMeta
}

/** Metadata of an object that the API server has accepted. */
interface StoredMeta extends ObjectMeta {
  name: string
  uid: string
  /** The store revision of the last change, as a decimal string. Opaque to clients but for equality. */
  resourceVersion: string
  creationTimestamp: string
}

/** An object as the API server returns it: defaulted, so metadata and spec are there. Treat as read-only: caches share it. */
export type Stored<T extends ApiObject> = Omit<T, 'metadata' | 'spec'> & { metadata: StoredMeta } & (T extends {
    spec?: infer S
  }
    ? { spec: NonNullable<S> }
    : unknown)

/** Names an object among those of its kind. The namespace is absent for cluster-scoped kinds. */
export interface ObjectName {
  namespace?: string
  name: string
}

/** "namespace/name", or "name" for a cluster-scoped object: the key of caches and work queues. */
export function toKey(object: { metadata?: ObjectMeta } | ObjectName): string {
  const { namespace, name } = 'name' in object ? object : (object.metadata ?? {})
  return namespace === undefined || namespace === '' ? (name ?? '') : `${namespace}/${name}`
}

/** The inverse of toKey. */
export function parseKey(key: string): ObjectName {
  const slash = key.indexOf('/')
  return slash === -1 ? { name: key } : { namespace: key.slice(0, slash), name: key.slice(slash + 1) }
}

/** The owner that manages this object (at most one has controller: true), or undefined for an orphan. */
export function controllerOf(object: { metadata?: ObjectMeta }): OwnerReference | undefined {
  return object.metadata?.ownerReferences?.find((owner) => owner.controller === true)
}
