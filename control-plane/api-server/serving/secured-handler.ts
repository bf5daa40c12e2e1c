import { StatusError } from '../../../api/objects/status-error.ts'
import type { ApiRequest, ApiResponse, RequestHandler } from '../exchange.ts'
import { authorize } from './authorization.ts'
import { answerHealth, type HealthChecks } from './health.ts'
import type { NodeRules } from './node-authorization.ts'
import { toErrorResponse } from './status-response.ts'

export interface SecuredHandlerOptions {
  /** Serves what is allowed. */
  inner: RequestHandler
  rules: NodeRules
  health: HealthChecks
  /** Told of errors that are nobody's request's fault. */
  onError: (error: unknown) => void
}

/** What the world outside the process speaks to: authorization and health checks before everything else. */
export class SecuredHandler implements RequestHandler {
  readonly #options: SecuredHandlerOptions

  constructor(options: SecuredHandlerOptions) {
    this.#options = options
  }

  async handle(request: ApiRequest): Promise<ApiResponse> {
    const { inner, rules, health, onError } = this.#options
    try {
      await authorize(request, rules)
      return (await answerHealth(request, health)) ?? (await inner.handle(request))
    } catch (error) {
      if (!(error instanceof StatusError)) onError(error)
      return toErrorResponse(error)
    }
  }

  /** Throws Forbidden unless the request is allowed: for upgrades, which have no answer of their own. */
  async authorize(request: ApiRequest): Promise<void> {
    await authorize(request, this.#options.rules)
  }
}
