// Paths below /net/ that are tools rather than pictures: captures and faults. Everything else goes on to the next handler.

import type { IncomingMessage, ServerResponse } from 'node:http'
import type { CaptureRequest } from '../../api/net/capture.ts'
import type { FaultRequest, HealAnswer } from '../../api/net/fault.ts'
import { Captures, type CapturesOptions } from './capture.ts'
import type { Faults } from './faults.ts'
import { readJson, sendJson } from './json.ts'

type Handler = { handle(request: IncomingMessage, response: ServerResponse): Promise<void> }

export class NetTools implements Handler {
  readonly #captures: Captures
  readonly #faults: Faults
  readonly #next: Handler

  constructor({ faults, ...options }: CapturesOptions & { faults: Faults }, next: Handler) {
    this.#captures = new Captures(options)
    this.#faults = faults
    this.#next = next
  }

  async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname, searchParams } = new URL(request.url ?? '/', 'https://agent')
    switch (`${request.method} ${pathname}`) {
      case 'GET /net/hops':
        return sendJson(response, await this.#captures.hops(searchParams.getAll('pod')))
      case 'POST /net/capture':
        return await this.#captures.capture(await readJson<CaptureRequest>(request), request, response)
      case 'GET /net/faults':
        return sendJson(response, await this.#faults.list())
      case 'POST /net/faults':
        await this.#faults.begin(await readJson<FaultRequest>(request))
        return sendJson(response, {})
      case 'POST /net/heal': {
        const healed = await this.#faults.heal(searchParams.get('id') ?? undefined)
        return sendJson(response, { healed } satisfies HealAnswer)
      }
      default:
        return await this.#next.handle(request, response)
    }
  }
}
