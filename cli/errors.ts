// What went wrong, in the words of kubectl, which users and scripts know.

import { isInvalid, StatusError } from '../api/objects/status-error.ts'

/** Ends the command with an exit code of its own; an empty message prints nothing. */
export class ExitError extends Error {
  readonly exitCode: number

  constructor(exitCode: number, message = '') {
    super(message)
    this.exitCode = exitCode
  }
}

/** The lines for stderr, without a line end. */
export function formatError(error: unknown): string {
  if (error instanceof ExitError) return error.message
  if (isInvalid(error)) return formatInvalid(error)
  if (error instanceof StatusError) return formatStatus(error)
  const { code, message } = toFacts(error)
  if (code === 'ECONNREFUSED') {
    return `The connection to the server was refused (${message}) - did you specify the right host or port?`
  }
  return `error: ${message}`
}

function formatStatus({ status, message }: StatusError): string {
  if (status.reason === 'Unauthorized') return 'error: You must be logged in to the server (Unauthorized)'
  const reason = status.reason === 'Unknown' ? '' : ` (${status.reason})`
  return `Error from server${reason}: ${message}`
}

function formatInvalid({ status }: StatusError): string {
  const { kind = '', name = '', causes = [] } = status.details ?? {}
  const lines = causes.map(({ field = '', message = '' }) => (field === '' ? message : `${field}: ${message}`))
  const head = `The ${kind} "${name}" is invalid`
  if (lines.length === 0) return `${head}: ${status.message}`
  return lines.length === 1 ? `${head}: ${lines[0]}` : `${head}: \n${lines.map((line) => `* ${line}`).join('\n')}`
}

/** Failed connections to several addresses of a name come as one error without words of its own. */
function toFacts(error: unknown): { code: string; message: string } {
  const first = error instanceof AggregateError ? error.errors[0] : error
  if (!(first instanceof Error)) return { code: '', message: String(first) }
  const code = 'code' in first ? String(first.code) : ''
  return { code, message: first.message }
}
