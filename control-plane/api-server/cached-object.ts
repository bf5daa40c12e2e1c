// An object as the cache holds it: parsed once, and its JSON text made once, when the first reader asks.

import type { ApiObject, Stored } from '../../api/objects/object.ts'

export class CachedObject {
  /** Below the kind's prefix: "namespace/name" or "name". */
  readonly key: string
  /** Nobody may change it. */
  readonly object: Stored<ApiObject>
  readonly revision: number
  #text: string | undefined

  constructor(key: string, object: Stored<ApiObject>, revision: number) {
    this.key = key
    this.object = object
    this.revision = revision
  }

  /** Reads what the store holds; the revision takes the place of the resourceVersion that is not stored. */
  static parse(key: string, value: string, revision: number): CachedObject {
    const object: Stored<ApiObject> = JSON.parse(value)
    object.metadata.resourceVersion = String(revision)
    return new CachedObject(key, object, revision)
  }

  /** The JSON that clients get. */
  get text(): string {
    this.#text ??= JSON.stringify(this.object)
    return this.#text
  }

  /** The same object as of another revision: how a deletion is told. */
  at(revision: number): CachedObject {
    const metadata = { ...this.object.metadata, resourceVersion: String(revision) }
    return new CachedObject(this.key, { ...this.object, metadata }, revision)
  }
}
