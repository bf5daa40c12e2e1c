// Writes api/generated/ from npm packages: types.ts (TypeScript interfaces), schemas.json (structure alone, which the
// API server keeps in memory) and openapi.json (with descriptions, read only when a client asks for it).

import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { readModels } from './client-node-models.ts'
import { type Definition, joinDefinitions, type Schema } from './definitions.ts'

const quantityName = 'io.k8s.apimachinery.pkg.api.resource.Quantity'
const intOrStringName = 'io.k8s.apimachinery.pkg.util.intstr.IntOrString'

const target = join(import.meta.dirname, '..', '..', 'api', 'generated')
const definitions = joinDefinitions(await readModels())
mkdirSync(target, { recursive: true })
writeFileSync(join(target, 'types.ts'), toTypes(definitions))
writeFileSync(join(target, 'schemas.json'), JSON.stringify(toDocument(definitions), dropDescriptions))
writeFileSync(join(target, 'openapi.json'), JSON.stringify(toPublished(definitions)))
console.log(`api/generated: ${definitions.length} definitions`)

function toDocument(all: Definition[]): Record<string, Schema> {
  const quantity: Schema = {
    description: 'A fixed-point number with a suffix, such as 250m, 1.5 or 64Mi.',
    type: 'string',
    format: 'quantity',
  }
  return { ...Object.fromEntries(all.map(({ name, schema }) => [name, schema])), [quantityName]: quantity }
}

/** What clients read: kubectl explain shows int-or-string by the name of its definition. */
function toPublished(all: Definition[]): Record<string, Schema> {
  const intOrString: Schema = {
    description: 'A number, or text such as the name of a port or 25%.',
    type: 'string',
    format: 'int-or-string',
  }
  const text = JSON.stringify({ ...toDocument(all), [intOrStringName]: intOrString })
  return JSON.parse(text, (_, value: unknown) => (isIntOrString(value) ? toReference(value) : value))
}

function isIntOrString(value: unknown): value is Schema {
  return typeof value === 'object' && value !== null && Reflect.get(value, 'x-kubernetes-int-or-string') === true
}

function toReference({ 'x-kubernetes-int-or-string': _, ...rest }: Schema): Schema {
  return { ...rest, $ref: intOrStringName }
}

/** A field may be named "description" too: only strings are words. */
function dropDescriptions(key: string, value: unknown): unknown {
  return key === 'description' && typeof value === 'string' ? undefined : value
}

function toTypes(all: Definition[]): string {
  const typeNames = new Map(all.map(({ name, typeName }) => [name, typeName]))
  const interfaces = all.map(({ typeName, schema }) => {
    const required = new Set(schema.required)
    const fields = Object.entries(schema.properties ?? {}).map(
      ([name, field]) =>
        `  ${/^\w+$/.test(name) ? name : `'${name}'`}${required.has(name) ? '' : '?'}: ${toType(field, typeNames)}`,
    )
    return `export interface ${typeName} {\n${fields.join('\n')}\n}\n`
  })
  return `// Written by scripts/generate. Timestamps are RFC 3339 strings, quantities are strings such as "250m".\n\n${interfaces.join('\n')}`
}

function toType(schema: Schema, typeNames: Map<string, string>): string {
  if (schema.$ref === quantityName) return 'string'
  if (schema.$ref !== undefined) return typeNames.get(schema.$ref) ?? 'unknown'
  if (schema['x-kubernetes-int-or-string'] === true) return 'number | string'
  if (schema.items !== undefined) return `${wrap(toType(schema.items, typeNames))}[]`
  if (schema.additionalProperties !== undefined)
    return `Record<string, ${toType(schema.additionalProperties, typeNames)}>`
  const plain: Record<string, string> = {
    string: 'string',
    boolean: 'boolean',
    integer: 'number',
    number: 'number',
    object: 'Record<string, unknown>',
  }
  return plain[schema.type ?? ''] ?? 'unknown'
}

function wrap(type: string): string {
  return type.includes(' | ') ? `(${type})` : type
}
