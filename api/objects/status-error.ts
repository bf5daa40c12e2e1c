// The one error of the API: a Kubernetes Status that can be thrown. Made by name, asked by predicate, never parsed.
// Reasons and codes: https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/status/

import type { Status, StatusCause } from '../generated/types.ts'

/** One thing that is wrong with one field. Path such as "spec.containers[0].image". */
export interface FieldError {
  reason:
    | 'FieldValueRequired'
    | 'FieldValueInvalid'
    | 'FieldValueNotSupported'
    | 'FieldValueDuplicate'
    | 'FieldValueForbidden'
    | 'FieldValueNotFound'
    | 'FieldValueTooLong'
    | 'FieldValueTooMany'
    | 'FieldValueTypeInvalid'
  field: string
  /** The value and what is wrong with it, as kubectl shows it: `Invalid value: "x": must be …`. */
  message: string
}

/** Names a kind in messages and in Status details. */
export interface KindName {
  group: string
  kind: string
  plural: string
}

/** Carries a Kubernetes Status through the code on both sides of the wire. */
export class StatusError extends Error {
  readonly status: Status & { code: number; reason: string }

  constructor(code: number, reason: string, message: string, details: Status['details'] = undefined) {
    super(message)
    this.name = 'StatusError'
    this.status = {
      apiVersion: 'v1',
      kind: 'Status',
      metadata: {},
      status: 'Failure',
      message,
      reason,
      ...(details !== undefined && { details }),
      code,
    }
  }

  /** Rebuilds the error from a Status that a server answered. */
  static from(status: Status): StatusError {
    const { code = 500, reason = 'Unknown', message = 'unknown error', details, metadata } = status
    const error = new StatusError(code, reason, message, details)
    if (metadata !== undefined) error.status.metadata = metadata
    return error
  }
}

const qualified = ({ group, plural }: KindName) => (group === '' ? plural : `${plural}.${group}`)
const detailsOf = ({ group, plural }: KindName, name: string) => ({
  name,
  ...(group !== '' && { group }),
  kind: plural,
})

/** 404 of an object. */
export function notFound(kind: KindName, name: string): StatusError {
  return new StatusError(404, 'NotFound', `${qualified(kind)} "${name}" not found`, detailsOf(kind, name))
}

/** 404 of a path that no resource answers. */
export function noSuchPath(): StatusError {
  return new StatusError(404, 'NotFound', 'the server could not find the requested resource')
}

/** 409: the name is taken. */
export function alreadyExists(kind: KindName, name: string): StatusError {
  return new StatusError(409, 'AlreadyExists', `${qualified(kind)} "${name}" already exists`, detailsOf(kind, name))
}

/** 409: somebody was faster; read again and retry. */
export function conflict(
  kind: KindName,
  name: string,
  why = 'the object has been modified; please apply your changes to the latest version and try again',
): StatusError {
  return new StatusError(
    409,
    'Conflict',
    `Operation cannot be fulfilled on ${qualified(kind)} "${name}": ${why}`,
    detailsOf(kind, name),
  )
}

/** 422: the object was understood, but some fields are wrong. */
export function invalid(kind: KindName, name: string, errors: FieldError[]): StatusError {
  const listed = errors.map(({ field, message }) => `${field}: ${message}`)
  const text = listed.length === 1 ? listed[0] : `[${listed.join(', ')}]`
  const causes: StatusCause[] = errors.map(({ reason, message, field }) => ({ reason, message, field }))
  const named = kind.group === '' ? kind.kind : `${kind.kind}.${kind.group}`
  return new StatusError(422, 'Invalid', `${named} "${name}" is invalid: ${text}`, {
    ...detailsOf(kind, name),
    kind: kind.kind,
    causes,
  })
}

/** 400: the request itself cannot be understood. */
export function badRequest(message: string): StatusError {
  return new StatusError(400, 'BadRequest', message)
}

/** 401. */
export function unauthorized(): StatusError {
  return new StatusError(401, 'Unauthorized', 'Unauthorized')
}

/** 403. */
export function forbidden(kind: KindName, name: string, why: string): StatusError {
  return new StatusError(
    403,
    'Forbidden',
    `${qualified(kind)}${name === '' ? '' : ` "${name}"`} is forbidden: ${why}`,
    detailsOf(kind, name),
  )
}

/** 405. */
export function methodNotAllowed(method: string): StatusError {
  return new StatusError(405, 'MethodNotAllowed', `the server does not allow ${method} on the requested resource`)
}

/** 410: the asked revision is compacted; list again. */
export function gone(message: string): StatusError {
  return new StatusError(410, 'Expired', message)
}

/** 413. */
export function tooLarge(limitBytes: number): StatusError {
  return new StatusError(413, 'RequestEntityTooLarge', `Request entity too large: limit is ${limitBytes} bytes`)
}

/** 415. */
export function unsupportedMediaType(message: string): StatusError {
  return new StatusError(415, 'UnsupportedMediaType', message)
}

/** 500. The cause stays on this side of the wire. */
export function internalError(message: string, cause?: unknown): StatusError {
  const error = new StatusError(500, 'InternalError', `Internal error occurred: ${message}`)
  error.cause = cause
  return error
}

/** 503: nobody is there to answer just now. */
export function serviceUnavailable(message: string): StatusError {
  return new StatusError(503, 'ServiceUnavailable', message)
}

const hasReason =
  (...reasons: string[]) =>
  (error: unknown): error is StatusError =>
    error instanceof StatusError && reasons.includes(error.status.reason)

export const isNotFound = hasReason('NotFound')
export const isAlreadyExists = hasReason('AlreadyExists')
export const isConflict = hasReason('Conflict')
export const isInvalid = hasReason('Invalid')
/** True for both words that servers use for 410. */
export const isGone = hasReason('Expired', 'Gone')
/** True while a namespace is going away, or when rights are missing. */
export const isForbidden = hasReason('Forbidden')
/** Nobody is known by what was shown: a wrong token, or one that has ended. */
export const isUnauthorized = hasReason('Unauthorized')

/** A handler for `catch`: an error that one of these knows means nothing to the caller, any other is thrown on. */
export function ignore(...kinds: readonly ((error: unknown) => boolean)[]): (error: unknown) => void {
  return (error) => {
    if (!kinds.some((isOfKind) => isOfKind(error))) throw error
  }
}
