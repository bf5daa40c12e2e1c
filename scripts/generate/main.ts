// Writes api/generated/ from npm packages: types.ts (TypeScript interfaces), schemas.json (structure alone, which the
// API server keeps in memory) and openapi.json (with descriptions, read only when a client asks for it).

import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { readModels } from './client-node-models.ts'
import { type Definition, joinDefinitions, type Schema } from './definitions.ts'

const quantityName = 'io.k8s.apimachinery.pkg.api.resource.Quantity'

const target = join(import.meta.dirname, '..', '..', 'api', 'generated')
const definitions = joinDefinitions(await readModels())
mkdirSync(target, { recursive: true })
writeFileSync(join(target, 'types.ts'), toTypes(definitions))
writeFileSync(join(target, 'schemas.json'), JSON.stringify(toDocument(definitions), dropDescriptions))
writeFileSync(join(target, 'openapi.json'), JSON.stringify(toDocument(definitions)))
console.log(`api/generated: ${definitions.length} definitions`)

function toDocument(all: Definition[]): Record<string, Schema> {
  const quantity: Schema = {
    description: 'A fixed-point number with a suffix, such as 250m, 1.5 or 64Mi.',
    type: 'string',
    format: 'quantity',
  }
  return { ...Object.fromEntries(all.map(({ name, schema }) => [name, schema])), [quantityName]: quantity }
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
