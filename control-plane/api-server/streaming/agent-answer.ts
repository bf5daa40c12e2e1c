import type { IncomingMessage } from 'node:http'
import { StatusError } from '../../../api/objects/status-error.ts'
import type { ApiResponse } from '../exchange.ts'

const reasons: Record<number, string> = {
  400: 'BadRequest',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'NotFound',
  500: 'InternalError',
}
const errorLimitBytes = 64 * 1024
/** Headers about one connection, which are not passed on: RFC 9110, 7.6.1. */
const hopByHop = new Set([
  'connection',
  'keep-alive',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
])

/** The agent's answer as ours, a stream. */
export function passOn(answer: IncomingMessage): ApiResponse {
  return { status: answer.statusCode ?? 502, headers: endToEndHeaders(answer.headers), body: answer }
}

/** Headers without those that are about one connection. */
export function endToEndHeaders(headers: Record<string, string | string[] | undefined>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers).flatMap(([name, value]) =>
      value === undefined || hopByHop.has(name) ? [] : [[name, Array.isArray(value) ? value.join(', ') : value]],
    ),
  )
}

/** An agent's refusal, which it words as Kubernetes does, as an error. */
export async function toRefusal(answer: IncomingMessage): Promise<StatusError> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of answer as AsyncIterable<Buffer>) {
    chunks.push(chunk)
    bytes += chunk.length
    if (bytes > errorLimitBytes) break
  }
  const text = Buffer.concat(chunks).toString('utf8').trim()
  const code = answer.statusCode ?? 500
  const message = messageOf(text) ?? text
  return new StatusError(code, reasons[code] ?? 'Unknown', message === '' ? `the agent answered ${code}` : message)
}

/** The message of a Status in JSON. */
function messageOf(text: string): string | undefined {
  if (!text.startsWith('{')) return undefined
  try {
    const { message } = JSON.parse(text)
    return typeof message === 'string' ? message : undefined
  } catch {
    return undefined // text that only looks like JSON
  }
}
