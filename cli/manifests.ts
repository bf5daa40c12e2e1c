// Objects from files: YAML or JSON, several documents in a file, Lists, folders, standard input.

import { globSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { type ParseOptions, parseAllDocuments, type SchemaOptions, stringify } from 'yaml'
import type { ApiObject } from '../api/objects/object.ts'

/** An object of a manifest, with where it came from for messages. */
export interface Manifest {
  object: ApiObject & { apiVersion: string; kind: string }
  source: string
}

// As Kubernetes' tools read YAML: yes and on are true and 0644 is octal as in YAML 1.1, but times and dates are text.
const dialect: ParseOptions & SchemaOptions & { version: '1.1' } = {
  version: '1.1',
  customTags: (tags) =>
    tags.filter((tag) => typeof tag === 'string' || (tag.format !== 'TIME' && !tag.tag.endsWith(':timestamp'))),
}

/** Every object of the files ("-" is standard input; of a folder, its .yaml, .yml and .json files). */
export function readManifests(paths: readonly string[], { recursive = false } = {}): Manifest[] {
  return paths.flatMap((path) => listFiles(path, recursive)).flatMap((path) => parseManifests(readInput(path), path))
}

function listFiles(path: string, recursive: boolean): string[] {
  if (path === '-' || !isFolder(path)) return [path]
  const pattern = recursive ? '**/*.{yaml,yml,json}' : '*.{yaml,yml,json}'
  const files = globSync(pattern, { cwd: path }).sort()
  if (files.length === 0) throw new Error(`no .yaml, .yml or .json files in ${path}`)
  return files.map((file) => join(path, file))
}

function isFolder(path: string): boolean {
  const stats = statSync(path, { throwIfNoEntry: false })
  if (stats === undefined) throw new Error(`the path "${path}" does not exist`)
  return stats.isDirectory()
}

const readInput = (path: string) => readFileSync(path === '-' ? 0 : path, 'utf8')

/** The objects of a text. Throws an Error with the source and the line of what is wrong. */
export function parseManifests(text: string, source: string): Manifest[] {
  const documents = parseAllDocuments(text, dialect)
  if (!Array.isArray(documents)) return []
  return documents.flatMap((document) => {
    const [error] = document.errors
    if (error !== undefined) throw new Error(`error parsing ${source}: ${error.message}`)
    const value: unknown = document.toJS()
    return value === null || value === undefined ? [] : unpack(value, source)
  })
}

function unpack(value: unknown, source: string): Manifest[] {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new Error(`error parsing ${source}: expected an object with apiVersion and kind`)
  }
  const object = { ...value, apiVersion: readText('apiVersion'), kind: readText('kind') }
  const items: unknown = Reflect.get(value, 'items')
  if (Array.isArray(items) && object.kind.endsWith('List')) return items.flatMap((item) => unpack(item, source))
  return [{ object, source }]

  function readText(field: string): string {
    const text: unknown = Reflect.get(Object(value), field)
    if (typeof text === 'string' && text !== '') return text
    throw new Error(`error validating "${source}": error validating data: ${field} not set`)
  }
}

/** YAML as other tools of Kubernetes read it back, fields in order of their names. */
export function formatYaml(value: unknown): string {
  return stringify(value, { version: '1.1', lineWidth: 0, aliasDuplicateObjects: false, sortMapEntries: true })
}

/** JSON for people, fields in order of their names. */
export function formatJson(value: unknown): string {
  return `${JSON.stringify(value, sortFields, 4)}\n`
}

function sortFields(_: string, value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)))
}
