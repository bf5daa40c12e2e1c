// The one place where errors become answers: StatusErrors as they are, errors of the store by their code, all else a 500
// whose cause goes to the log and not to the client.

import { gone, internalError, type StatusError } from '../../api/objects/status-error.ts'
import { CompactedError, FutureRevisionError } from '../store/store.ts'
import type { ApiResponse } from './exchange.ts'
import type { Log } from './log.ts'
import { isStatusError, serverTimeout } from './refusals.ts'

/** The StatusError that says to a client what went wrong. */
export function toStatusError(error: unknown, log: Log): StatusError {
  if (isStatusError(error)) return error
  if (error instanceof CompactedError) return gone('The resourceVersion for the provided list is too old.')
  if (error instanceof FutureRevisionError) return serverTimeout('Too large resource version')
  log.error(`request failed: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`)
  return internalError(error instanceof Error ? error.message : String(error), error)
}

/** The answer that carries the error. */
export function respondError(error: StatusError): ApiResponse {
  const retryAfter = error.status.details?.retryAfterSeconds
  return {
    status: error.status.code,
    headers: {
      'content-type': 'application/json',
      ...(retryAfter !== undefined && { 'retry-after': String(retryAfter) }),
    },
    body: `${JSON.stringify(error.status)}\n`,
  }
}
