// JSON Patch, RFC 6902, with pointers as RFC 6901 has them. All operations or none: the document itself is not touched.

import { isDeepStrictEqual } from 'node:util'
import { badRequest, StatusError, tooLarge } from '../objects/status-error.ts'
import { isJsonObject, setField } from './json.ts'

const operationLimit = 10_000
/** How much JSON all copies of a patch may add: each can double what is there, so that a few would fill the memory. */
const copyLimit = 3 * 1024 * 1024

interface Operation {
  readonly op: string
  readonly path: readonly string[]
  readonly from: readonly string[]
  readonly value: unknown
  /** As the client wrote it, for messages. */
  readonly pointer: string
}

/** The document after all operations. Throws BadRequest for a malformed patch, Invalid (422) for one that does not apply. */
export function applyJsonPatch(document: unknown, patch: unknown): unknown {
  if (!Array.isArray(patch)) throw badRequest('a JSON patch must be an array of operations')
  if (patch.length > operationLimit) throw badRequest(`a JSON patch may have at most ${operationLimit} operations`)
  const holder = { root: structuredClone(document) }
  let copied = 0
  for (const [index, entry] of patch.entries()) {
    const operation = parseOperation(entry, index)
    if (operation.op === 'copy') copied += JSON.stringify(find(holder.root, operation.from, operation)).length
    if (copied > copyLimit) throw tooLarge(copyLimit)
    holder.root = applyOperation(holder.root, operation)
  }
  return holder.root
}

function parseOperation(entry: unknown, index: number): Operation {
  if (!isJsonObject(entry)) throw badRequest(`operation ${index} of the JSON patch must be an object`)
  const { op, path, from, value } = entry
  if (typeof op !== 'string' || !operations.includes(op)) {
    throw badRequest(
      `operation ${index} of the JSON patch: op must be one of ${operations.join(', ')}, got ${JSON.stringify(op)}`,
    )
  }
  if (['add', 'replace', 'test'].includes(op) && !Object.hasOwn(entry, 'value')) {
    throw badRequest(`operation ${index} of the JSON patch: ${op} needs a value`)
  }
  const fromPath = op === 'move' || op === 'copy' ? parsePointer(from, `from of operation ${index}`) : []
  return { op, path: parsePointer(path, `path of operation ${index}`), from: fromPath, value, pointer: String(path) }
}

const operations = ['add', 'remove', 'replace', 'move', 'copy', 'test']

function parsePointer(pointer: unknown, what: string): string[] {
  if (typeof pointer !== 'string' || (pointer !== '' && !pointer.startsWith('/')) || /~(?![01])/.test(pointer)) {
    throw badRequest(`${what} in the JSON patch must be a JSON pointer, got ${JSON.stringify(pointer)}`)
  }
  return pointer
    .split('/')
    .slice(1)
    .map((step) => step.replaceAll('~1', '/').replaceAll('~0', '~'))
}

function applyOperation(root: unknown, operation: Operation): unknown {
  const { op, path, from, value } = operation
  switch (op) {
    case 'add':
      return add(root, path, structuredClone(value), operation)
    case 'remove':
      return remove(root, path, operation)
    case 'replace':
      return replace(root, path, structuredClone(value), operation)
    case 'test':
      if (isDeepStrictEqual(find(root, path, operation), value)) return root
      throw doesNotApply(operation, 'the value is not the expected one')
    case 'copy':
      return add(root, path, structuredClone(find(root, from, operation)), operation)
    default:
      return move(root, operation)
  }
}

function move(root: unknown, operation: Operation): unknown {
  const { path, from } = operation
  const value = find(root, from, operation)
  if (isDeepStrictEqual(path, from)) return root
  if (from.every((step, index) => path[index] === step))
    throw doesNotApply(operation, 'a value cannot move into itself')
  return add(remove(root, from, operation), path, value, operation)
}

function find(root: unknown, path: readonly string[], operation: Operation): unknown {
  return path.reduce((at, step) => childOf(at, step, operation), root)
}

function childOf(parent: unknown, step: string, operation: Operation): unknown {
  if (Array.isArray(parent)) return parent[indexIn(parent, step, parent.length - 1, operation)]
  if (isJsonObject(parent) && Object.hasOwn(parent, step)) return parent[step]
  throw doesNotApply(operation, `there is no ${JSON.stringify(step)}`)
}

function indexIn(list: unknown[], step: string, last: number, operation: Operation): number {
  const index = step === '-' ? list.length : /^(0|[1-9]\d*)$/.test(step) ? Number(step) : -1
  if (index < 0 || index > last) throw doesNotApply(operation, `there is no index ${JSON.stringify(step)}`)
  return index
}

function add(root: unknown, path: readonly string[], value: unknown, operation: Operation): unknown {
  const step = path.at(-1)
  if (step === undefined) return value
  const parent = find(root, path.slice(0, -1), operation)
  if (Array.isArray(parent)) parent.splice(indexIn(parent, step, parent.length, operation), 0, value)
  else if (isJsonObject(parent)) setField(parent, step, value)
  else throw doesNotApply(operation, 'its parent is neither an object nor an array')
  return root
}

function remove(root: unknown, path: readonly string[], operation: Operation): unknown {
  const step = path.at(-1)
  if (step === undefined) return null
  const parent = find(root, path.slice(0, -1), operation)
  childOf(parent, step, operation)
  if (Array.isArray(parent)) parent.splice(Number(step), 1)
  else if (isJsonObject(parent)) delete parent[step]
  return root
}

function replace(root: unknown, path: readonly string[], value: unknown, operation: Operation): unknown {
  const step = path.at(-1)
  if (step === undefined) return value
  const parent = find(root, path.slice(0, -1), operation)
  childOf(parent, step, operation)
  if (Array.isArray(parent)) parent[Number(step)] = value
  else if (isJsonObject(parent)) setField(parent, step, value)
  return root
}

/** 422, as Kubernetes answers a patch that is well formed but does not fit the object. */
function doesNotApply(operation: Operation, why: string): StatusError {
  const from = operation.from.length > 0 ? ` from /${operation.from.join('/')}` : ''
  const message = `cannot ${operation.op}${from} at ${JSON.stringify(operation.pointer)}: ${why}`
  return new StatusError(422, 'Invalid', `the server rejected our request due to an error in our request: ${message}`, {
    causes: [{ reason: 'FieldValueInvalid', field: operation.pointer, message }],
  })
}
