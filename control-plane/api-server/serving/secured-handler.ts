import { mastersGroup } from '../../../api/objects/known-users.ts'
import { StatusError } from '../../../api/objects/status-error.ts'
import type { Authorizer } from '../authorization/authorizer.ts'
import type { ApiRequest, ApiResponse, RequestHandler, User } from '../exchange.ts'
import { authorize, isOpen } from './authorization.ts'
import { answerHealth, type HealthChecks } from './health.ts'
import { impersonate } from './impersonation.ts'
import { toErrorResponse } from './status-response.ts'

export interface SecuredHandlerOptions {
  /** Serves what is allowed. */
  inner: RequestHandler
  authorizer: Authorizer
  /** Resolves when the authorizer knows the cluster's roles and pods. */
  known: Promise<void>
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
    const { inner, health, onError } = this.#options
    try {
      const allowed = await this.authorize(request)
      return (await answerHealth(allowed, health)) ?? (await inner.handle(allowed))
    } catch (error) {
      if (!(error instanceof StatusError)) onError(error)
      return toErrorResponse(error)
    }
  }

  /** The request as of the user it is made for. Throws Forbidden unless that user may make it. */
  async authorize(request: ApiRequest): Promise<ApiRequest> {
    if (isOpen(request)) return request
    const { authorizer } = this.#options
    await this.#known(request.user)
    const impersonated = impersonate(request, authorizer)
    await this.#known(impersonated.user)
    authorize(impersonated, authorizer)
    return impersonated
  }

  /** Administrators need no roles. */
  async #known({ groups }: User): Promise<void> {
    if (!groups.includes(mastersGroup)) await this.#options.known
  }
}
