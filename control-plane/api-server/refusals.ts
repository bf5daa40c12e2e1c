// Refusals that only the API server makes.

import { StatusError } from '../../api/objects/status-error.ts'

/** True for an error that already says what the client shall hear. */
export function isStatusError(error: unknown): error is StatusError {
  return error instanceof StatusError
}

/** 406: nothing the client accepts can be made. */
export function notAcceptable(): StatusError {
  const types = 'application/json, application/json;as=Table;v=v1;g=meta.k8s.io, application/yaml'
  return new StatusError(406, 'NotAcceptable', `only the following media types are accepted: ${types}`)
}

/** 504: the asked revision has not come; the client tries again in a second. */
export function serverTimeout(message: string): StatusError {
  return new StatusError(504, 'Timeout', `Timeout: ${message}`, {
    causes: [{ reason: 'ResourceVersionTooLarge', message: 'Too large resource version' }],
    retryAfterSeconds: 1,
  })
}
