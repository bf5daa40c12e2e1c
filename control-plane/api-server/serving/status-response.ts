import { internalError, StatusError } from '../../../api/objects/status-error.ts'
import type { ApiResponse } from '../exchange.ts'

/** The answer for an error: its Status as JSON. What is no StatusError becomes a 500 that tells nothing. */
export function toErrorResponse(error: unknown): ApiResponse {
  const { status } = error instanceof StatusError ? error : internalError('unexpected error', error)
  return { status: status.code, headers: { 'content-type': 'application/json' }, body: `${JSON.stringify(status)}\n` }
}
