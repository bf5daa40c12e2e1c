// Decodes a parsed JSON value as a kind, in the way Go does it for Kubernetes: wrong types are errors, unknown fields
// are listed and dropped, nulls are dropped, quantities and times are brought into their canonical form. Each definition
// is compiled into a tree of small functions once, because every write of every client passes here.

import { badRequest, type StatusError } from '../objects/status-error.ts'
import { scalarDecoderOf } from './scalars.ts'
import { definitionNamed, type Schema } from './schemas.ts'

/** What checkObject found. */
export interface Findings {
  /** Wrong types and formats, such as `spec.replicas: expected integer, got string "x"`. */
  readonly errors: string[]
  /** Paths of fields that the kind does not have, such as spec.containers[0].imag. */
  readonly unknown: string[]
}

/** Collects findings and knows where the walk is. */
class Walk implements Findings {
  readonly errors: string[] = []
  readonly unknown: string[] = []
  /** Steps from the root: ".name" or "[0]". */
  readonly steps: string[] = []

  /** Notes that the value here is not what was expected. */
  wrong(expected: string, value: unknown): void {
    if (this.errors.length < findingsLimit)
      this.errors.push(`${this.path()}: expected ${expected}, got ${describe(value)}`)
  }

  path(): string {
    return this.steps.join('').replace(/^\./, '') || '(root)'
  }
}

/** Looks at one value, notes findings, returns the value that takes its place (mostly the same). */
export type Decode = (value: unknown, walk: Walk) => unknown

const findingsLimit = 100
const compiled = new Map<string, Decode>()

/**
 * Decodes the value in place. With no errors it is of the kind's type afterwards; unknown fields are gone from it.
 * Missing required fields are for validation, as in Kubernetes.
 */
export function checkObject(definition: string, value: unknown): Findings {
  const walk = new Walk()
  decoderOf(definition)(value, walk)
  return walk
}

/** The 400 that names what checkObject or findDuplicateFields found, in the words of Kubernetes. */
export function malformed(kind: string, version: string, problems: readonly string[]): StatusError {
  return badRequest(`${kind} in version "${version}" cannot be handled as a ${kind}: ${problems.join(', ')}`)
}

/** The 400 of strict field validation. */
export function notStrict(kind: string, version: string, unknown: readonly string[], duplicates: readonly string[]) {
  return malformed(kind, version, [`strict decoding error: ${strictProblems(unknown, duplicates).join(', ')}`])
}

/** The same findings one by one, as fieldValidation=Warn sends them. */
export function strictProblems(unknown: readonly string[], duplicates: readonly string[]): string[] {
  return [...unknown.map((path) => `unknown field "${path}"`), ...duplicates.map((path) => `duplicate field "${path}"`)]
}

function decoderOf(definition: string): Decode {
  const known = compiled.get(definition)
  if (known !== undefined) return known
  const decode = compile(definitionNamed(definition))
  compiled.set(definition, decode)
  return decode
}

function compile(schema: Schema): Decode {
  const { $ref, items, properties, additionalProperties } = schema
  if ($ref !== undefined) return lazily(() => decoderOf($ref))
  if (properties !== undefined && Object.keys(properties).length > 0) return compileObject(properties)
  if (additionalProperties !== undefined) return compileMap(compile(additionalProperties), additionalProperties)
  if (items !== undefined) return compileList(compile(items))
  return scalarDecoderOf(schema)
}

/** Definitions refer to themselves (JSONSchemaProps), so references are followed at first use. */
function lazily(find: () => Decode): Decode {
  let found: Decode | undefined
  return (value, walk) => {
    found ??= find()
    return found(value, walk)
  }
}

function compileObject(properties: Readonly<Record<string, Schema>>): Decode {
  const fields = new Map(
    Object.entries(properties).map(([name, schema]) => [name, { step: `.${name}`, decode: compile(schema) }]),
  )
  return (value, walk) => {
    if (!isRecord(value)) return mismatch('object', value, walk)
    for (const name in value) {
      const field = fields.get(name)
      if (field === undefined) dropUnknown(value, name, walk)
      else if (isAbsent(value[name])) delete value[name]
      else decodeInto(value, name, field.step, field.decode, walk)
    }
    return value
  }
}

function compileMap(decode: Decode, of: Schema): Decode {
  const keepsNull = Object.keys(of).length === 0
  return (value, walk) => {
    if (!isRecord(value)) return mismatch('object', value, walk)
    for (const key in value) {
      if (!isAbsent(value[key])) decodeInto(value, key, `[${key}]`, decode, walk)
      else if (!keepsNull) replaceNull(value, key, of)
    }
    return value
  }
}

/** Go decodes null into the zero value of a map's values. */
function replaceNull(value: Record<string, unknown>, key: string, of: Schema): void {
  if (of.type === 'string') value[key] = ''
  else delete value[key]
}

function compileList(decode: Decode): Decode {
  return (value, walk) => {
    if (!Array.isArray(value)) return mismatch('array', value, walk)
    const list: unknown[] = value
    for (let index = 0; index < list.length; index++) {
      walk.steps.push(`[${index}]`)
      list[index] = decode(list[index], walk)
      walk.steps.pop()
    }
    return value
  }
}

function decodeInto(owner: Record<string, unknown>, name: string, step: string, decode: Decode, walk: Walk): void {
  walk.steps.push(step)
  const value = owner[name]
  const decoded = decode(value, walk)
  if (decoded !== value) owner[name] = decoded
  walk.steps.pop()
}

function dropUnknown(owner: Record<string, unknown>, name: string, walk: Walk): void {
  walk.steps.push(`.${name}`)
  if (walk.unknown.length < findingsLimit) walk.unknown.push(walk.path())
  walk.steps.pop()
  delete owner[name]
}

function mismatch(expected: string, value: unknown, walk: Walk): unknown {
  walk.wrong(expected, value)
  return value
}

/** Absent as Go sees it; undefined comes from callers in the same process. */
function isAbsent(value: unknown): boolean {
  return value === null || value === undefined
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function describe(value: unknown): string {
  if (value === null || value === undefined) return 'null'
  if (Array.isArray(value)) return 'array'
  if (typeof value === 'object') return 'object'
  const text = JSON.stringify(value)
  return `${typeof value} ${text.length > 100 ? `${text.slice(0, 100)}...` : text}`
}
