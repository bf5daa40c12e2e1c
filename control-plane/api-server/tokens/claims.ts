// What a service account token says, as Kubernetes writes it.
// https://kubernetes.io/docs/reference/access-authn-authz/service-accounts-admin/#bound-service-account-tokens

import type { JWTPayload } from 'jose'

/** An object that a token names; it holds while that very object is there. */
export interface NamedObject {
  name: string
  uid: string
}

/** The claim "kubernetes.io". */
export interface AccountClaim {
  namespace: string
  serviceaccount: NamedObject
  pod?: NamedObject
  secret?: NamedObject
  node?: NamedObject
}

/** Names the claim. */
export const accountClaimName = 'kubernetes.io'

/** Everything in a user's name before the namespace of its service account. */
const userPrefix = 'system:serviceaccount:'

/** The user name of a service account. */
export function accountUserName(namespace: string, name: string): string {
  return `${userPrefix}${namespace}:${name}`
}

/** The service account that a user name stands for; undefined for other users. */
export function parseAccountUserName(user: string): { namespace: string; name: string } | undefined {
  const [namespace = '', name = '', ...more] = user.startsWith(userPrefix)
    ? user.slice(userPrefix.length).split(':')
    : []
  return namespace === '' || name === '' || more.length > 0 ? undefined : { namespace, name }
}

/** The groups of a service account. */
export function accountGroups(namespace: string): string[] {
  return ['system:serviceaccounts', `system:serviceaccounts:${namespace}`, 'system:authenticated']
}

/** Reads the claim of a verified token; undefined if it is no service account's. */
export function readAccountClaim(claims: JWTPayload): AccountClaim | undefined {
  const claim = claims[accountClaimName]
  return isAccountClaim(claim) ? claim : undefined
}

/** What the token's signature covers was written here, so the outline is enough. */
function isAccountClaim(claim: unknown): claim is AccountClaim {
  if (typeof claim !== 'object' || claim === null || !('namespace' in claim) || !('serviceaccount' in claim))
    return false
  return (
    typeof claim.namespace === 'string' && typeof claim.serviceaccount === 'object' && claim.serviceaccount !== null
  )
}
