// A cluster in memory, for tests of what speaks to one: revisions, conflicts, selectors, watches that resume or are too old. It checks
// and defaults nothing; patches of every type are merged as RFC 7386 has it.

import { randomUUID } from 'node:crypto'
import { matchesFields, parseFieldSelector } from '../objects/field-selectors.ts'
import type { ApiObject, ObjectName, Stored } from '../objects/object.ts'
import { toKey } from '../objects/object.ts'
import { parseLabelSelector } from '../objects/selectors.ts'
import { alreadyExists, conflict, gone, notFound } from '../objects/status-error.ts'
import { apiVersionOf, type ResourceType } from '../resources/resource.ts'
import { aborted } from './aborted.ts'
import type { Client, ListOptions, ObjectList, PatchType, Selection, WatchEvent, WatchOptions } from './client.ts'

interface LogEntry {
  plural: string
  revision: number
  old?: Stored<ApiObject>
  object?: Stored<ApiObject>
}

type Subresource = (name: ObjectName, body: object) => unknown

/** Holds any kind of object. */
export class FakeClient implements Client {
  readonly #objects = new Map<string, Stored<ApiObject>>()
  readonly #log: LogEntry[] = []
  readonly #subresources = new Map<string, Subresource>()
  #revision = 0
  #compacted = 0
  #connection = new AbortController()
  #changed = Promise.withResolvers<void>()
  /** "verb plural" of every call, for tests that ask how much was asked. */
  readonly calls: string[] = []

  /** Answers createSubresource. */
  onSubresource(resource: ResourceType, subresource: string, answer: Subresource): void {
    this.#subresources.set(`${resource.plural}/${subresource}`, answer)
  }

  /** Breaks every watch. */
  disconnect(): void {
    this.#connection.abort()
    this.#connection = new AbortController()
  }

  /** Forgets history: watches from an older revision are too old. */
  compact(): void {
    this.#compacted = this.#revision
  }

  async get<T extends ApiObject>(resource: ResourceType<T>, name: ObjectName): Promise<Stored<T>> {
    this.calls.push(`get ${resource.plural}`)
    return this.#find(resource, name)
  }

  async list<T extends ApiObject>(resource: ResourceType<T>, options: ListOptions = {}): Promise<ObjectList<T>> {
    this.calls.push(`list ${resource.plural}`)
    options.signal?.throwIfAborted()
    const all = [...this.#objects].filter(([key]) => key.startsWith(`${resource.plural}/`)).map(([, object]) => object)
    const items = all.filter((object) => matches(object, options)) as Stored<T>[]
    return { resourceVersion: String(this.#revision), items }
  }

  async *watch<T extends ApiObject>(
    resource: ResourceType<T>,
    options: WatchOptions = {},
  ): AsyncGenerator<WatchEvent<T>> {
    this.calls.push(`watch ${resource.plural}`)
    const connection = this.#connection.signal
    let seen = Number(options.resourceVersion ?? this.#revision)
    if (seen < this.#compacted) throw gone(`too old resource version: ${seen} (${this.#compacted})`)
    const ended = Promise.race([aborted(connection), aborted(options.signal)])
    while (options.signal?.aborted !== true) {
      if (connection.aborted) throw new Error('connection lost')
      const changed = this.#changed.promise
      // Every revision has one entry.
      for (const entry of this.#log.slice(seen)) {
        seen = entry.revision
        const event = entry.plural === resource.plural ? toEvent<T>(entry, options) : undefined
        if (event !== undefined) yield event
      }
      if (seen === this.#revision) await Promise.race([changed, ended])
    }
  }

  async create<T extends ApiObject>(resource: ResourceType<T>, object: T): Promise<Stored<T>> {
    this.calls.push(`create ${resource.plural}`)
    const { generateName, ...metadata } = object.metadata ?? {}
    const name = metadata.name ?? `${generateName ?? ''}${randomUUID().slice(0, 5)}`
    if (this.#objects.has(pathOf(resource, { ...metadata, name }))) throw alreadyExists(resource, name)
    const made = { name, uid: randomUUID(), creationTimestamp: new Date().toISOString() }
    return this.#put(resource, { ...object, metadata: { ...metadata, ...made } }, undefined)
  }

  async update<T extends ApiObject>(resource: ResourceType<T>, object: T | Stored<T>): Promise<Stored<T>> {
    this.calls.push(`update ${resource.plural}`)
    const { namespace, name = '', resourceVersion } = object.metadata ?? {}
    const old = this.#find(resource, { namespace, name })
    if (resourceVersion !== undefined && resourceVersion !== old.metadata.resourceVersion)
      throw conflict(resource, name)
    return this.#put(resource, { ...object, metadata: { ...object.metadata, uid: old.metadata.uid } } as T, old)
  }

  async patch<T extends ApiObject>(
    resource: ResourceType<T>,
    name: ObjectName,
    _type: PatchType,
    patch: unknown,
  ): Promise<Stored<T>> {
    this.calls.push(`patch ${resource.plural}`)
    const old = this.#find(resource, name)
    return this.#put(resource, merge(old, patch) as T, old)
  }

  async delete(resource: ResourceType, name: ObjectName): Promise<void> {
    this.calls.push(`delete ${resource.plural}`)
    const old = this.#find(resource, name)
    this.#objects.delete(pathOf(resource, name))
    this.#append({ plural: resource.plural, revision: ++this.#revision, old })
  }

  async createSubresource(
    resource: ResourceType,
    name: ObjectName,
    subresource: string,
    body: object,
  ): Promise<unknown> {
    this.calls.push(`create ${resource.plural}/${subresource}`)
    this.#find(resource, name)
    return await this.#subresources.get(`${resource.plural}/${subresource}`)?.(name, body)
  }

  #find<T extends ApiObject>(resource: ResourceType<T>, name: ObjectName): Stored<T> {
    const found = this.#objects.get(pathOf(resource, name))
    if (found === undefined) throw notFound(resource, name.name)
    return found as Stored<T>
  }

  #put<T extends ApiObject>(resource: ResourceType<T>, object: T, old: Stored<ApiObject> | undefined): Stored<T> {
    const revision = ++this.#revision
    const stored = {
      ...structuredClone(object),
      apiVersion: apiVersionOf(resource),
      kind: resource.kind,
      metadata: { ...object.metadata, resourceVersion: String(revision) },
    } as unknown as Stored<T>
    this.#objects.set(pathOf(resource, stored.metadata), stored)
    this.#append({ plural: resource.plural, revision, old, object: stored })
    return stored
  }

  #append(entry: LogEntry): void {
    this.#log.push(entry)
    this.#changed.resolve()
    this.#changed = Promise.withResolvers()
  }
}

const pathOf = ({ plural }: ResourceType, name: { namespace?: string; name?: string }) =>
  `${plural}/${toKey({ metadata: name })}`

function matches(object: Stored<ApiObject> | undefined, selection: Selection): object is Stored<ApiObject> {
  if (object === undefined) return false
  const { namespace, labelSelector = '', fieldSelector = '' } = selection
  if (namespace !== undefined && object.metadata.namespace !== namespace) return false
  if (!parseLabelSelector(labelSelector).matches(object.metadata.labels)) return false
  return matchesFields(parseFieldSelector(fieldSelector), (path) => readPath(object, path))
}

function readPath(object: object, path: string): string {
  const read = (value: unknown, part: string) => (value === undefined ? value : Reflect.get(Object(value), part))
  return String(path.split('.').reduce<unknown>(read, object) ?? '')
}

/** What a watcher of the selection sees of a change: an object that no longer fits is gone for it. */
function toEvent<T extends ApiObject>(entry: LogEntry, selection: Selection): WatchEvent<T> | undefined {
  const [before, after] = [matches(entry.old, selection), matches(entry.object, selection)]
  if (after) return { type: before ? 'MODIFIED' : 'ADDED', object: entry.object as Stored<T> }
  if (!before || entry.old === undefined) return undefined
  const metadata = { ...entry.old.metadata, resourceVersion: String(entry.revision) }
  return { type: 'DELETED', object: { ...entry.old, metadata } as Stored<T> }
}

function merge(target: unknown, patch: unknown): unknown {
  if (typeof patch !== 'object' || patch === null || Array.isArray(patch)) return patch
  const merged: Record<string, unknown> = { ...(typeof target === 'object' ? target : {}) }
  for (const [name, value] of Object.entries(patch)) {
    if (value === null) delete merged[name]
    else merged[name] = merge(merged[name], value)
  }
  return merged
}
