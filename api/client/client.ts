// How every part but the API server itself reaches the cluster. HttpClient (http-client.ts) speaks it over a Transport:
// TLS for other processes, a direct call for parts that share the API server's process.

import type { ApiObject, ObjectName, Stored } from '../objects/object.ts'
import type { ResourceType } from '../resources/resource.ts'

/** Which objects a list or watch is about. */
export interface Selection {
  /** Absent: all namespaces. */
  namespace?: string
  /** Such as "app=web,tier in (a,b),!old". */
  labelSelector?: string
  /** Such as "spec.nodeName=node-1,status.phase!=Failed". */
  fieldSelector?: string
}

export interface ListOptions extends Selection {
  limit?: number
  continue?: string
  resourceVersion?: string
  signal?: AbortSignal
}

export interface WatchOptions extends Selection {
  /** Events after this one. Absent: the present state first, as ADDED events. */
  resourceVersion?: string
  signal?: AbortSignal
}

export interface ObjectList<T extends ApiObject> {
  /** Where a watch goes on from. */
  resourceVersion: string
  /** Pass it to get the next page; absent on the last. */
  continue?: string
  items: Stored<T>[]
}

/** BOOKMARK carries nothing but a newer resourceVersion. ERROR never reaches the caller: the watch throws a StatusError. */
export interface WatchEvent<T extends ApiObject> {
  type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK'
  object: Stored<T>
}

export type PatchType =
  | 'application/json-patch+json'
  | 'application/merge-patch+json'
  | 'application/strategic-merge-patch+json'
  | 'application/apply-patch+yaml'

export interface WriteOptions {
  subresource?: string
  dryRun?: boolean
  fieldManager?: string
  /** What the server does about unknown and doubled fields; its own default when absent. */
  fieldValidation?: 'Strict' | 'Warn' | 'Ignore'
  signal?: AbortSignal
}

export interface DeleteOptions {
  /** 0 deletes at once; absent: what the object asks for. */
  gracePeriodSeconds?: number
  propagationPolicy?: 'Orphan' | 'Background' | 'Foreground'
  /** The delete fails with a conflict if the object is another one by now. */
  preconditions?: { uid?: string; resourceVersion?: string }
  signal?: AbortSignal
}

/** Every method throws StatusError for what the server refuses, and another Error when the server cannot be reached. */
export interface Client {
  get<T extends ApiObject>(
    resource: ResourceType<T>,
    name: ObjectName,
    options?: { subresource?: string; signal?: AbortSignal },
  ): Promise<Stored<T>>
  /** One page; all objects when no limit is given. */
  list<T extends ApiObject>(resource: ResourceType<T>, options?: ListOptions): Promise<ObjectList<T>>
  /** Ends quietly when the server ends the watch or the signal aborts; throws isGone when resourceVersion is too old. */
  watch<T extends ApiObject>(resource: ResourceType<T>, options?: WatchOptions): AsyncIterable<WatchEvent<T>>
  /** The namespace is taken from the object. */
  create<T extends ApiObject>(resource: ResourceType<T>, object: T, options?: WriteOptions): Promise<Stored<T>>
  /** Replaces the object; a metadata.resourceVersion that is not the newest is a conflict. */
  update<T extends ApiObject>(
    resource: ResourceType<T>,
    object: T | Stored<T>,
    options?: WriteOptions,
  ): Promise<Stored<T>>
  patch<T extends ApiObject>(
    resource: ResourceType<T>,
    name: ObjectName,
    type: PatchType,
    patch: unknown,
    options?: WriteOptions,
  ): Promise<Stored<T>>
  delete(resource: ResourceType, name: ObjectName, options?: DeleteOptions): Promise<void>
  /** Creates at a subresource: binding, eviction, token. */
  createSubresource(
    resource: ResourceType,
    name: ObjectName,
    subresource: string,
    body: object,
    options?: { signal?: AbortSignal },
  ): Promise<unknown>
}
