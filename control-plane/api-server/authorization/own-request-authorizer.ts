// Whoever asked for a certificate may see what became of the request, and no other: who may create requests need not be
// able to read everybody's.

import type { CertificateSigningRequest } from '../../../api/generated/types.ts'
import { certificateSigningRequests } from '../../../api/resources/certificate-signing-requests.ts'
import { anonymous, type User } from '../exchange.ts'
import type { WatchCache } from '../watch-cache.ts'
import { type Authorizer, type KnownRules, noOpinion, type Opinion } from './authorizer.ts'
import type { Caches } from './rbac-authorizer.ts'
import type { Attributes } from './request-attributes.ts'

export class OwnRequestAuthorizer implements Authorizer {
  readonly #requests: WatchCache

  constructor(caches: Caches) {
    this.#requests = caches.cacheOf(certificateSigningRequests)
  }

  authorize(user: User, attributes: Attributes): Opinion {
    if ('path' in attributes || user.name === anonymous.name) return noOpinion
    const { verb, group, resource, subresource, name } = attributes
    const isAsked = verb === 'get' && subresource === '' && name !== ''
    const isKind = group === certificateSigningRequests.group && resource === certificateSigningRequests.plural
    if (!isAsked || !isKind) return noOpinion
    const found: CertificateSigningRequest | undefined = this.#requests.get(name)?.object as
      | CertificateSigningRequest
      | undefined
    const isOwn = found?.spec.username === user.name && (found.spec.uid ?? '') === (user.uid ?? '')
    return isOwn ? { allowed: true, reason: 'whoever made a request may read it' } : noOpinion
  }

  /** What depends on objects is no rule. */
  rulesOf(): KnownRules {
    return { rules: [], incomplete: '' }
  }
}
