// Bodies of requests: JSON or YAML, decoded strictly against the schema of the kind.

import { isScalar, parseDocument, visit } from 'yaml'
import type { ApiObject } from '../../api/objects/object.ts'
import { badRequest, tooLarge, unsupportedMediaType } from '../../api/objects/status-error.ts'
import { isJsonObject, type JsonObject } from '../../api/patch/json.ts'
import { apiVersionOf, type ResourceType } from '../../api/resources/resource.ts'
import { checkObject, malformed, notStrict, strictProblems } from '../../api/schema/check-object.ts'
import { findDuplicateFields } from '../../api/schema/duplicate-fields.ts'
import type { ApiRequest } from './exchange.ts'
import { decodeProtobuf } from './protobuf/decode.ts'

/** Requests of more bytes are refused, as in Kubernetes. */
const bodyLimitBytes = 3 * 1024 * 1024

const aliasLimit = 100

/** What a request's fieldValidation asks for. */
export type FieldValidation = 'Strict' | 'Warn' | 'Ignore'

/** A body as parsed, and the names that stood twice in it. */
export interface Body {
  value: unknown
  duplicates: string[]
}

/** The media type of the body, in lower case, without parameters; JSON if none is named. */
export function contentTypeOf({ headers }: ApiRequest): string {
  return (headers['content-type'] ?? 'application/json').split(';')[0]?.trim().toLowerCase() ?? ''
}

/** Parses JSON or YAML, as the content type says. Throws BadRequest, 413 and 415. */
export function parseBody(request: ApiRequest): Body {
  const type = contentTypeOf(request)
  if (type === 'application/yaml' || type === 'text/yaml') return parseYamlBody(request)
  if (type === 'application/vnd.kubernetes.protobuf') {
    if (request.body.byteLength > bodyLimitBytes) throw tooLarge(bodyLimitBytes)
    return { value: decodeProtobuf(request.body), duplicates: [] }
  }
  if (type !== 'application/json' && type !== '') {
    throw unsupportedMediaType(
      `the body of the request was in an unknown format - accepted media types include: application/json, application/yaml`,
    )
  }
  return parseJsonBody(request)
}

/** Parses JSON whatever the content type says: patches have types of their own. */
export function parseJsonBody(request: ApiRequest): Body {
  const text = bodyText(request)
  try {
    return { value: JSON.parse(text), duplicates: findDuplicateFields(text) }
  } catch (error) {
    throw badRequest(`the request body is not valid JSON: ${error instanceof Error ? error.message : String(error)}`)
  }
}

/** Parses YAML, of which JSON is a part, whatever the content type says. */
export function parseYamlBody(request: ApiRequest): Body {
  const text = bodyText(request)
  // kubectl applies in JSON, which takes a twentieth of the time when it is read as such.
  return readJson(text) ?? { value: parseYamlText(text), duplicates: [] }
}

function readJson(text: string): Body | undefined {
  if (!text.trimStart().startsWith('{')) return undefined
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return undefined // YAML also begins maps with a brace
  }
  return { value, duplicates: findDuplicateFields(text) }
}

function bodyText({ body }: ApiRequest): string {
  if (body.byteLength > bodyLimitBytes) throw tooLarge(bodyLimitBytes)
  return Buffer.from(body).toString('utf8')
}

function parseYamlText(text: string): unknown {
  try {
    // kubectl and Go read YAML 1.1, where yes and on are booleans; API clients send what Go wrote, which quotes them.
    // The library compares each key with all before it: a few megabytes of them would stop the server for an hour.
    const document = parseDocument(text, { version: '1.1', schema: 'core', uniqueKeys: false })
    const [error] = document.errors
    if (error !== undefined) throw error
    checkYaml(document)
    return document.toJS()
  } catch (error) {
    throw badRequest(`the request body is not valid YAML: ${error instanceof Error ? error.message : String(error)}`)
  }
}

/** Throws for a key that stands twice, and for more aliases than a manifest has: each costs a walk through the document. */
function checkYaml(document: Parameters<typeof visit>[0]): void {
  let aliases = 0
  visit(document, {
    Map: (_, { items }) => {
      const keys = items.map(({ key }) => (isScalar(key) ? key.value : key))
      if (new Set(keys).size < keys.length) throw new Error('Map keys must be unique')
    },
    Alias: () => {
      if (++aliases > aliasLimit) throw new Error(`more than ${aliasLimit} aliases`)
    },
  })
}

/** Reads fieldValidation from the query. */
export function fieldValidationOf({ searchParams }: URL): FieldValidation {
  const asked = searchParams.get('fieldValidation') ?? ''
  if (asked === '') return 'Warn'
  if (asked === 'Strict' || asked === 'Warn' || asked === 'Ignore') return asked
  throw badRequest(`fieldValidation: Unsupported value: "${asked}": supported values: "Ignore", "Strict", "Warn"`)
}

/** Decodes in place; afterwards the value is of the kind's type. Gives the warnings for the client. */
export function decodeObject(
  type: Pick<ResourceType, 'group' | 'version' | 'kind'> & { definition: string },
  { value, duplicates }: Body,
  validation: FieldValidation,
): { object: ApiObject; warnings: string[] } {
  if (!isJsonObject(value)) throw badRequest('the request body must be an object')
  checkKind(type, value)
  const { errors, unknown } = checkObject(type.definition, value)
  const version = type.group === '' ? type.version : apiVersionOf(type)
  if (errors.length > 0) throw malformed(type.kind, version, errors)
  const isStrict = unknown.length + duplicates.length > 0 && validation === 'Strict'
  if (isStrict) throw notStrict(type.kind, version, unknown, duplicates)
  const warnings = validation === 'Warn' ? strictProblems(unknown, duplicates) : []
  return { object: value, warnings }
}

function checkKind(type: Pick<ResourceType, 'group' | 'version' | 'kind'>, value: JsonObject): void {
  const expected = apiVersionOf(type)
  const { apiVersion = expected, kind = type.kind } = value
  if (apiVersion !== expected && apiVersion !== '') {
    throw badRequest(
      `the API version in the data (${String(apiVersion)}) does not match the expected API version (${expected})`,
    )
  }
  if (kind !== type.kind && kind !== '') {
    throw badRequest(`the object provided is unrecognized: the kind in the data (${String(kind)}) is not ${type.kind}`)
  }
  value.apiVersion = expected
  value.kind = type.kind
}
