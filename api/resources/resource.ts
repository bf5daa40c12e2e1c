// The shape of a row in the resource table: all that makes a kind. A new built-in kind is one new file beside this one,
// named after its plural, and one line in table.ts.

import type { ApiObject, Stored } from '../objects/object.ts'
import type { FieldError } from '../objects/status-error.ts'

/** What follows the object's name in a path: /api/v1/namespaces/default/pods/web/log. */
export type Subresource =
  | 'status'
  | 'approval'
  | 'scale'
  | 'binding'
  | 'eviction'
  | 'log'
  | 'exec'
  | 'attach'
  | 'portforward'
  | 'proxy'
  | 'finalize'
  | 'token'

/** Reads one field as text. Written as a method type: a row of any kind must be a row of ApiObject. */
export type FieldReader<T extends ApiObject> = { read(object: Stored<T>): string }['read']

/** A column of `kubectl get`. Cells with priority 1 show with -o wide only. */
export interface Column<T extends ApiObject> {
  name: string
  type: 'string' | 'integer' | 'date'
  priority?: 0 | 1
  description?: string
  /** The cell; "date" columns return a timestamp, which is shown as an age. */
  cell(object: Stored<T>, nowMs: number): string | number
}

/** Names of a kind: all that a client needs to speak of it. */
export interface ResourceType<T extends ApiObject = ApiObject> {
  /** "" for the core group, else such as "apps". */
  readonly group: string
  readonly version: string
  readonly kind: string
  readonly plural: string
  readonly namespaced: boolean
  /** Never there at run time: binds T, so that a client call with this row returns this kind. */
  readonly objectType?: T
}

/** One row of the resource table. Every function is pure, but for the object it is told to change. */
export interface Resource<T extends ApiObject = ApiObject> extends ResourceType<T> {
  readonly singular: string
  readonly shortNames: readonly string[]
  /** "all" makes it part of `kubectl get all`. */
  readonly categories: readonly string[]
  readonly subresources: readonly Subresource[]
  /** What clients may do; absent: everything. A kind with "create" alone is a question that is answered, and never stored. */
  readonly verbs?: readonly string[]
  /** OpenAPI definition name in api/generated/schemas.json, such as io.k8s.api.core.v1.Pod. */
  readonly definition: string
  /** Kubernetes' storage path below /registry, such as "pods" or "services/specs". */
  readonly storagePath: string
  /** Why a name is refused for this kind, or undefined if it is fine. Absent: DNS subdomains are fine. */
  whyNotName?(name: string): string | undefined
  /** Fills in what the user left out. Idempotent. */
  setDefaults?(object: T): void
  /** Drops what a client may not set at creation, such as status. */
  prepareForCreate?(object: T): void
  /** Carries over what an update by the main door may not change, such as status; raises metadata.generation when the spec changed. */
  prepareForUpdate?(object: T, old: Stored<T>): void
  /** The same for the /status door: carries over all but the status. */
  prepareForStatusUpdate?(object: T, old: Stored<T>): void
  /** The same for the /approval door: carries over all but the decision. */
  prepareForApproval?(object: T, old: Stored<T>): void
  /** All that is wrong with a defaulted object, beyond what the schema says (types and unknown fields are checked before). Fit for every door but /status. */
  validate?(object: T): FieldError[]
  /** What is wrong with the step from old to new by the main door, such as a change of an immutable field. Not asked by subresources. */
  validateUpdate?(object: T, old: Stored<T>): FieldError[]
  /** What is wrong with the step from old to new by the doors /status and /approval. Kinds whose status may be anything have none. */
  validateStatusUpdate?(object: T, old: Stored<T>, door: 'status' | 'approval'): FieldError[]
  readonly columns: readonly Column<T>[]
  /** Fields a field selector may ask for, beside metadata.name and metadata.namespace. */
  readonly selectableFields?: Readonly<Record<string, FieldReader<T>>>
}

/** "v1" or "apps/v1". */
export function apiVersionOf({ group, version }: Pick<ResourceType, 'group' | 'version'>): string {
  return group === '' ? version : `${group}/${version}`
}

/** The path of one object, or of the collection if the name is left out. */
export function pathOf(
  resource: ResourceType,
  { namespace, name, subresource }: { namespace?: string; name?: string; subresource?: string } = {},
): string {
  const root = resource.group === '' ? `/api/${resource.version}` : `/apis/${resource.group}/${resource.version}`
  const scope =
    resource.namespaced && namespace !== undefined && namespace !== ''
      ? `/namespaces/${encodeURIComponent(namespace)}`
      : ''
  const tail = [name, subresource].filter((part) => part !== undefined).map((part) => `/${encodeURIComponent(part)}`)
  return `${root}${scope}/${resource.plural}${tail.join('')}`
}
