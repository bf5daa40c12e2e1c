// The structure of every built-in kind, as scripts/generate wrote it, and steps from a schema to the schema of a part.

import generated from '../generated/schemas.json' with { type: 'json' }

/** An OpenAPI schema, as far as Kubernetes' definitions use it. A $ref is the bare name of a definition. */
export interface Schema {
  readonly type?: string
  readonly format?: string
  readonly $ref?: string
  readonly items?: Schema
  readonly properties?: Readonly<Record<string, Schema>>
  readonly additionalProperties?: Schema
  readonly required?: readonly string[]
  readonly 'x-kubernetes-int-or-string'?: boolean
  readonly 'x-kubernetes-list-type'?: string
  readonly 'x-kubernetes-list-map-keys'?: readonly string[]
  readonly 'x-kubernetes-map-type'?: string
  readonly 'x-kubernetes-patch-merge-key'?: string
  readonly 'x-kubernetes-patch-strategy'?: string
}

const definitions: ReadonlyMap<string, Schema> = new Map(
  Object.entries(generated as Record<string, unknown> as Record<string, Schema>),
)

/** The definition of that name, such as io.k8s.api.core.v1.Pod. Throws if there is none: names come from the resource table. */
export function definitionNamed(name: string): Schema {
  const schema = definitions.get(name)
  if (schema === undefined) throw new Error(`no OpenAPI definition ${name}`)
  return schema
}

/** Follows a $ref. What stands beside the $ref (merge keys, list types) is not in the result. */
function resolve(schema: Schema): Schema {
  return schema.$ref === undefined ? schema : definitionNamed(schema.$ref)
}

/** The schema of one field of an object or map, unresolved; undefined if the schema does not know it. */
export function fieldOf(schema: Schema | undefined, name: string): Schema | undefined {
  if (schema === undefined) return undefined
  const { properties, additionalProperties } = resolve(schema)
  return properties !== undefined && Object.hasOwn(properties, name) ? properties[name] : additionalProperties
}

/** The schema of a list's items, unresolved. */
export function itemsOf(schema: Schema | undefined): Schema | undefined {
  return schema === undefined ? undefined : resolve(schema).items
}

/** How a strategic merge patch treats a field. */
export interface MergeInfo {
  /** The field that tells list items apart; undefined for lists of plain values and for lists that are replaced. */
  readonly mergeKey: string | undefined
  /** True for a list whose items are merged, not replaced as a whole. */
  readonly merges: boolean
  /** True for an object of which a patch may name the only keys to keep ($retainKeys). */
  readonly retainsKeys: boolean
}

/** Reads the patch extensions of a field's unresolved schema. */
export function mergeInfoOf(field: Schema | undefined): MergeInfo {
  const strategies = (field?.['x-kubernetes-patch-strategy'] ?? '').split(',')
  return {
    mergeKey: field?.['x-kubernetes-patch-merge-key'],
    merges: strategies.includes('merge'),
    retainsKeys: strategies.includes('retainKeys'),
  }
}

/** How server-side apply sees a value: as one thing, as fields, as items with a key, or as a set of plain values. */
export type Shape =
  | { readonly kind: 'leaf' }
  | { readonly kind: 'fields'; readonly isMap: boolean }
  | { readonly kind: 'items'; readonly keys: readonly string[] }
  | { readonly kind: 'values' }

const leaf: Shape = { kind: 'leaf' }

/** Reads it from a field's unresolved schema. What the schema does not know is one thing. */
export function shapeOf(field: Schema | undefined): Shape {
  if (field === undefined) return leaf
  const schema = resolve(field)
  const isAtomic = [field, schema].some((part) => part['x-kubernetes-map-type'] === 'atomic')
  if (isAtomic) return leaf
  if (schema.properties !== undefined) return { kind: 'fields', isMap: false }
  if (schema.additionalProperties !== undefined) return { kind: 'fields', isMap: true }
  const listType = field['x-kubernetes-list-type'] ?? schema['x-kubernetes-list-type']
  const keys = field['x-kubernetes-list-map-keys'] ?? schema['x-kubernetes-list-map-keys'] ?? []
  if (listType === 'map') return { kind: 'items', keys }
  return listType === 'set' ? { kind: 'values' } : listType === undefined ? shapeOfMerged(field) : leaf
}

/** Lists that are older than list types say by their patch strategy what they are. */
function shapeOfMerged(field: Schema): Shape {
  const { merges, mergeKey } = mergeInfoOf(field)
  if (!merges) return leaf
  return mergeKey === undefined ? { kind: 'values' } : { kind: 'items', keys: [mergeKey] }
}
