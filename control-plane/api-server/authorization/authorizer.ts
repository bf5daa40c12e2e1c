// Who may do what: a chain of authorizers, each of which allows a request or has no opinion. Nobody's opinion is a refusal.
// https://kubernetes.io/docs/reference/access-authn-authz/authorization/

import type { PolicyRule } from '../../../api/generated/types.ts'
import { mastersGroup } from '../../../api/objects/known-users.ts'
import type { User } from '../exchange.ts'
import type { Attributes } from './request-attributes.ts'

/** Whether a user may do something, and why, or why not as far as that is known. */
export interface Opinion {
  allowed: boolean
  reason: string
}

/** What a user may do in a namespace. */
export interface KnownRules {
  rules: PolicyRule[]
  /** Why there may be more; "" if this is all. */
  incomplete: string
}

/** Answers from what is in memory. Costs what the user's own rights cost, not the cluster's. */
export interface Authorizer {
  authorize(user: User, attributes: Attributes): Opinion
  rulesOf(user: User, namespace: string): KnownRules
}

/** Nothing known that would allow it. */
export const noOpinion: Opinion = { allowed: false, reason: '' }

/** Asks one after the other; the first that allows decides. */
export class AuthorizerChain implements Authorizer {
  readonly #authorizers: readonly Authorizer[]

  constructor(authorizers: readonly Authorizer[]) {
    this.#authorizers = authorizers
  }

  authorize(user: User, attributes: Attributes): Opinion {
    if (user.groups.includes(mastersGroup)) return { allowed: true, reason: '' }
    const reasons: string[] = []
    for (const authorizer of this.#authorizers) {
      const opinion = authorizer.authorize(user, attributes)
      if (opinion.allowed) return opinion
      if (opinion.reason !== '') reasons.push(opinion.reason)
    }
    return { allowed: false, reason: reasons.join('\n') }
  }

  rulesOf(user: User, namespace: string): KnownRules {
    const known = this.#authorizers.map((authorizer) => authorizer.rulesOf(user, namespace))
    return {
      rules: known.flatMap(({ rules }) => rules),
      incomplete: known.flatMap(({ incomplete }) => (incomplete === '' ? [] : [incomplete])).join('; '),
    }
  }
}
