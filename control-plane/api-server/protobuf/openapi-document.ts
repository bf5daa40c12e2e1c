// The OpenAPI v2 document as protobuf, which kubectl asks for when it validates by itself, as it does each item of a List.
// Field numbers are those of the messages in https://github.com/google/gnostic/blob/main/openapiv2/OpenAPIv2.proto.

import { boolField, joinParts, messageField, type Part, textField } from './encode.ts'

/** A schema with the words that the generated definitions use. */
export interface SchemaV2 {
  $ref?: string
  format?: string
  description?: string
  required?: string[]
  type?: string
  properties?: Record<string, SchemaV2>
  items?: SchemaV2
  additionalProperties?: SchemaV2
  [extension: `x-${string}`]: unknown
}

/** What one verb of a path takes. */
export interface OperationV2 {
  parameters: { name: string; in: string; type: string; uniqueItems: boolean }[]
  responses: Record<string, { description: string }>
  [extension: `x-${string}`]: unknown
}

/** A path's operations by HTTP method. */
type PathV2 = Partial<Record<'get' | 'put' | 'post' | 'delete' | 'patch', OperationV2>>

/** The document that /openapi/v2 answers. */
export interface DocumentV2 {
  swagger: string
  info: { title: string; version: string }
  paths: Record<string, PathV2>
  definitions: Record<string, SchemaV2>
}

/** The whole document; the same as its JSON says. */
export function encodeDocument({ swagger, info, paths, definitions }: DocumentV2): Buffer {
  return joinParts([
    textField(1, swagger),
    messageField(2, [textField(1, info.title), textField(2, info.version)]),
    messageField(8, namedFields(2, paths, pathParts)),
    messageField(9, namedFields(1, definitions, schemaParts)),
  ])
}

/** Entries of a map, each a message of a name and a value. */
function namedFields<Value>(number: number, map: Record<string, Value>, toParts: (value: Value) => Part[]): Part[] {
  return Object.entries(map).map(([name, value]) =>
    messageField(number, [textField(1, name), messageField(2, toParts(value))]),
  )
}

const methodNumbers = { get: 2, put: 3, post: 4, delete: 5, patch: 8 } as const

function pathParts(path: PathV2): Part[] {
  const methods = Object.keys(methodNumbers) as (keyof typeof methodNumbers)[]
  return methods.map((method) => optional(methodNumbers[method], path[method], operationParts))
}

function operationParts(operation: OperationV2): Part[] {
  return [
    ...operation.parameters.map((parameter) => messageField(8, [queryParameter(parameter)])),
    messageField(
      9,
      namedFields(1, operation.responses, ({ description }) => [messageField(1, [textField(1, description)])]),
    ),
    ...extensionFields(13, operation),
  ]
}

/** Parameter > non-body parameter > query parameter. */
function queryParameter({ name, in: place, type, uniqueItems }: OperationV2['parameters'][number]): Part {
  const parts = [textField(2, place), textField(4, name), textField(6, type), boolField(20, uniqueItems)]
  return messageField(1, [messageField(2, [messageField(3, parts)])])
}

function schemaParts(schema: SchemaV2): Part[] {
  const { $ref, format, description, required = [], type, properties, items, additionalProperties } = schema
  return [
    textField(1, $ref),
    textField(2, format),
    textField(4, description),
    ...required.map((name) => textField(19, name)),
    optional(21, additionalProperties, (values) => [messageField(1, schemaParts(values))]),
    optional(22, type, (name) => [textField(1, name)]),
    optional(23, items, (item) => [messageField(1, schemaParts(item))]),
    optional(25, properties, (fields) => namedFields(1, fields, schemaParts)),
    ...extensionFields(31, schema),
  ]
}

/** Their values are YAML, which JSON is. */
function extensionFields(number: number, from: object): Part[] {
  const extensions = Object.entries(from).filter(([name]) => name.startsWith('x-'))
  return namedFields(number, Object.fromEntries(extensions), (value) => [textField(2, JSON.stringify(value))])
}

function optional<Value>(number: number, value: Value | undefined, toParts: (value: Value) => Part[]): Part {
  return value === undefined ? undefined : messageField(number, toParts(value))
}
