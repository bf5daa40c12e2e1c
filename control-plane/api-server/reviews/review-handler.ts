// Answers the kinds that are questions. Each is decoded like any object; its status is worked out and nothing is stored.

import type {
  LocalSubjectAccessReview,
  SelfSubjectAccessReview,
  SelfSubjectReview,
  SelfSubjectRulesReview,
  SubjectAccessReview,
  TokenReview,
  UserInfo,
} from '../../../api/generated/types.ts'
import type { ApiObject } from '../../../api/objects/object.ts'
import { badRequest, methodNotAllowed } from '../../../api/objects/status-error.ts'
import {
  localSubjectAccessReviews,
  selfSubjectAccessReviews,
  selfSubjectReviews,
  selfSubjectRulesReviews,
  subjectAccessReviews,
  tokenReviews,
} from '../../../api/resources/reviews.ts'
import type { Authorizer } from '../authorization/authorizer.ts'
import type { ApiRequest, ApiResponse, User } from '../exchange.ts'
import { parseObject } from '../request-object.ts'
import type { Route } from '../route.ts'
import type { BearerTokens } from '../tokens/bearer-tokens.ts'
import { timestamp } from '../writes.ts'
import { checkLocal, readSubject, reviewAccess, reviewRules } from './access-reviews.ts'

export interface ReviewHandlerOptions {
  tokens: BearerTokens
  authorizer: Authorizer
}

export class ReviewHandler {
  readonly #options: ReviewHandlerOptions

  constructor(options: ReviewHandlerOptions) {
    this.#options = options
  }

  /** Answers one question. Throws StatusErrors for what cannot be answered. */
  async handle(request: ApiRequest, route: Route): Promise<ApiResponse> {
    if (route.verb !== 'create' || route.subresource !== '') throw methodNotAllowed(request.method)
    const { object } = parseObject(request, route)
    object.metadata = { ...object.metadata, creationTimestamp: timestamp() }
    const answer = await this.#answer(route, object, request.user)
    return { status: 201, headers: { 'content-type': 'application/json' }, body: JSON.stringify(answer) }
  }

  async #answer({ resource, namespace }: Route, object: ApiObject, user: User): Promise<ApiObject> {
    const { authorizer } = this.#options
    switch (resource) {
      case tokenReviews:
        return await this.#reviewToken(object as TokenReview)
      case selfSubjectReviews:
        return { ...object, status: { userInfo: toUserInfo(user) } } as SelfSubjectReview
      case selfSubjectAccessReviews: {
        const { spec } = object as SelfSubjectAccessReview
        return Object.assign(object, { status: reviewAccess(authorizer, resource, spec ?? {}, user) })
      }
      case subjectAccessReviews: {
        const { spec } = object as SubjectAccessReview
        return Object.assign(object, {
          status: reviewAccess(authorizer, resource, spec ?? {}, readSubject(spec ?? {})),
        })
      }
      case localSubjectAccessReviews: {
        const { spec } = object as LocalSubjectAccessReview
        checkLocal(spec ?? {}, namespace, resource)
        return Object.assign(object, {
          status: reviewAccess(authorizer, resource, spec ?? {}, readSubject(spec ?? {})),
        })
      }
      case selfSubjectRulesReviews:
        return Object.assign(object, { status: reviewRules(authorizer, object as SelfSubjectRulesReview, user) })
      default:
        throw methodNotAllowed('POST')
    }
  }

  async #reviewToken(review: TokenReview): Promise<TokenReview> {
    const { token, audiences = [] } = review.spec
    if (token === '') throw badRequest('token is required for TokenReview in authentication')
    const holder = await this.#options.tokens.authenticate(token, audiences.length > 0 ? audiences : undefined)
    const status =
      holder === undefined
        ? { user: {}, error: 'invalid bearer token' }
        : { authenticated: true, user: toUserInfo(holder.user), audiences: holder.audiences }
    return { ...review, status }
  }
}

/** The user as clients read it. */
function toUserInfo({ name, uid, groups, extra }: User): UserInfo {
  return { username: name, ...(uid !== undefined && { uid }), groups, ...(extra !== undefined && { extra }) }
}
