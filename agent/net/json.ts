// Bodies of the requests below /net/, and the answers to them.

import type { IncomingMessage, ServerResponse } from 'node:http'
import { json } from 'node:stream/consumers'
import { badRequest } from '../../api/objects/status-error.ts'

/** The body, whose shape whoever acts on it has to check. Throws BadRequest when it is not JSON. */
export async function readJson<T>(request: IncomingMessage): Promise<T> {
  try {
    return (await json(request)) as T
  } catch (error) {
    if (error instanceof SyntaxError) throw badRequest(`the body is not JSON: ${error.message}`)
    throw error
  }
}

export function sendJson(response: ServerResponse, body: object): void {
  response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(body))
}
