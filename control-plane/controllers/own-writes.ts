// A reconciler that looks at an informer's copy right after it wrote does not see its own write yet, and would make the
// same pod twice. Own writes are therefore laid over the copy until the copy has caught up. An informer that hangs for
// long is not believed to have lost the write: the object itself is asked for.

import type { Client } from '../../api/client/client.ts'
import type { Change } from '../../api/client/informer.ts'
import type { ApiObject, Stored } from '../../api/objects/object.ts'
import { isNotFound } from '../../api/objects/status-error.ts'
import type { ResourceType } from '../../api/resources/resource.ts'

interface Write<T extends ApiObject> {
  group: string
  /** As the server answered; undefined where deletion was asked for. */
  written: Stored<T> | undefined
  name: string
  namespace: string | undefined
  sinceMs: number
}

/** Writes older than this that no informer has shown are looked up. */
export const settleMs = 10_000

/** Own recent writes of one kind, in groups such as the pods of one replica set. */
export class OwnWrites<T extends ApiObject> {
  readonly #client: Client
  readonly #resource: ResourceType<T>
  readonly #now: () => number
  readonly #writes = new Map<string, Write<T>>()
  readonly #uidsByGroup = new Map<string, Set<string>>()

  constructor(client: Client, resource: ResourceType<T>, now: () => number) {
    this.#client = client
    this.#resource = resource
    this.#now = now
  }

  /** To be called for every change of the kind's informer. */
  observe({ old, object }: Change<T>): void {
    const uid = (object ?? old)?.metadata.uid ?? ''
    if (old !== undefined && old.metadata.uid !== uid) this.#forget(old.metadata.uid)
    const write = this.#writes.get(uid)
    if (write !== undefined && hasCaughtUp(object, write.written)) this.#forget(uid)
  }

  /** The object was created or updated, and came back so. seen is what the informer has under its name by now. */
  noteWritten(group: string, written: Stored<T>, seen: Stored<T> | undefined): void {
    if (seen?.metadata.uid === written.metadata.uid && hasCaughtUp(seen, written)) return
    this.#note(group, written, written)
  }

  /** The object's deletion was asked for. seen is what the informer has under its name by now. */
  noteDeleted(group: string, object: Stored<T>, seen: Stored<T> | undefined): void {
    if (seen?.metadata.uid !== object.metadata.uid || hasCaughtUp(seen, undefined)) return
    this.#note(group, object, undefined)
  }

  /**
   * The informer's objects of a group, as they are after own writes. Those being deleted by us are left out. cached must
   * have been read just now, without waiting for anything in between: a write is forgotten when the copy has it.
   */
  overlay(group: string, cached: Stored<T>[]): Stored<T>[] {
    const uids = this.#uidsByGroup.get(group)
    if (uids === undefined) return cached
    const known = new Set(cached.map(({ metadata }) => metadata.uid))
    const current = cached.flatMap((object) => this.#latest(object) ?? [])
    const created = [...uids].filter((uid) => !known.has(uid)).flatMap((uid) => this.#writes.get(uid)?.written ?? [])
    return [...current, ...created]
  }

  /** True while the informer is behind in this group: then reconcile again after settleMs, should no event come. */
  isPending(group: string): boolean {
    return this.#uidsByGroup.has(group)
  }

  /** Drops writes that were overtaken without the informer noticing, such as a pod that came and went in a gap. */
  async settle(group: string): Promise<void> {
    for (const uid of [...(this.#uidsByGroup.get(group) ?? [])]) {
      const write = this.#writes.get(uid)
      if (write !== undefined && this.#now() - write.sinceMs >= settleMs) await this.#lookUp(uid, write)
    }
  }

  async #lookUp(uid: string, write: Write<T>): Promise<void> {
    const live = await this.#client.get(this.#resource, write).catch((error: unknown) => {
      if (isNotFound(error)) return undefined
      throw error
    })
    const isGone = live?.metadata.uid !== uid
    const isKept = write.written === undefined && live?.metadata.deletionTimestamp === undefined
    if (isGone || isKept) this.#forget(uid)
    else write.sinceMs = this.#now()
  }

  #latest(object: Stored<T>): Stored<T> | undefined {
    const write = this.#writes.get(object.metadata.uid)
    return write === undefined || hasCaughtUp(object, write.written) ? object : write.written
  }

  #note(group: string, { metadata }: Stored<T>, written: Stored<T> | undefined): void {
    const { uid, name, namespace } = metadata
    this.#forget(uid)
    this.#writes.set(uid, { group, written, name, namespace, sinceMs: this.#now() })
    this.#uidsByGroup.set(group, (this.#uidsByGroup.get(group) ?? new Set()).add(uid))
  }

  #forget(uid: string): void {
    const write = this.#writes.get(uid)
    if (write === undefined) return
    this.#writes.delete(uid)
    const uids = this.#uidsByGroup.get(write.group)
    uids?.delete(uid)
    if (uids?.size === 0) this.#uidsByGroup.delete(write.group)
  }
}

/** Resource versions are the store's revisions: within one kind, later writes have greater ones. */
function hasCaughtUp<T extends ApiObject>(seen: Stored<T> | undefined, written: Stored<T> | undefined): boolean {
  if (seen === undefined) return true
  if (written === undefined) return seen.metadata.deletionTimestamp !== undefined
  return BigInt(seen.metadata.resourceVersion) >= BigInt(written.metadata.resourceVersion)
}
