// Acting as another user, who is named in headers, for those who may "impersonate" that user and each of its groups.
// https://kubernetes.io/docs/reference/access-authn-authz/authentication/#user-impersonation

import { badRequest } from '../../../api/objects/status-error.ts'
import type { Authorizer } from '../authorization/authorizer.ts'
import type { ResourceAttributes } from '../authorization/request-attributes.ts'
import type { ApiRequest, User } from '../exchange.ts'
import { accountGroups, parseAccountUserName } from '../tokens/claims.ts'
import { authorizeOne } from './authorization.ts'

const prefix = 'impersonate-'
const extraPrefix = `${prefix}extra-`

/** The request as of the user that it wants to be of; the same request if it names none. Throws Forbidden. */
export function impersonate(request: ApiRequest, authorizer: Authorizer): ApiRequest {
  const names = Object.keys(request.headers).filter((name) => name.startsWith(prefix))
  if (names.length === 0) return request
  const user = readUser(request.headers, names)
  for (const attributes of questionsFor(user)) authorizeOne(request.user, attributes, authorizer)
  const headers = Object.fromEntries(Object.entries(request.headers).filter(([name]) => !name.startsWith(prefix)))
  return { ...request, headers, user: withGroups(user) }
}

function readUser(headers: ApiRequest['headers'], names: readonly string[]): User {
  const name = headers[`${prefix}user`] ?? ''
  if (name === '') throw badRequest(`requested ${[...names].sort().join(', ')} but no user`)
  const uid = headers[`${prefix}uid`]
  const extra = names
    .filter((header) => header.startsWith(extraPrefix))
    .map((header) => [decodeKey(header.slice(extraPrefix.length)), valuesOf(headers[header])])
  return {
    name,
    groups: valuesOf(headers[`${prefix}group`]),
    ...(uid !== undefined && uid !== '' && { uid }),
    ...(extra.length > 0 && { extra: Object.fromEntries(extra) }),
  }
}

/** Headers that come several times are joined by commas. */
function valuesOf(header = ''): string[] {
  return header.split(',').flatMap((part) => (part.trim() === '' ? [] : [part.trim()]))
}

function decodeKey(key: string): string {
  try {
    return decodeURIComponent(key)
  } catch {
    return key // not encoded: taken as it is
  }
}

function questionsFor({ name, groups, uid, extra = {} }: User): ResourceAttributes[] {
  const ask = (group: string, resource: string, asked: string, namespace = '', subresource = '') => ({
    verb: 'impersonate',
    group,
    namespace,
    resource,
    subresource,
    name: asked,
  })
  const account = parseAccountUserName(name)
  const identity = 'authentication.k8s.io'
  return [
    account === undefined ? ask('', 'users', name) : ask('', 'serviceaccounts', account.name, account.namespace),
    ...groups.map((group) => ask('', 'groups', group)),
    ...(uid === undefined ? [] : [ask(identity, 'uids', uid)]),
    ...Object.entries(extra).flatMap(([key, values]) =>
      values.map((value) => ask(identity, 'userextras', value, '', key)),
    ),
  ]
}

/** A service account is in its groups, and everybody but the anonymous user is authenticated. */
function withGroups(user: User): User {
  const account = parseAccountUserName(user.name)
  const own = account !== undefined && user.groups.length === 0 ? accountGroups(account.namespace) : user.groups
  const isAnonymous = user.name === 'system:anonymous'
  const general = isAnonymous ? 'system:unauthenticated' : 'system:authenticated'
  const isKnown = own.includes('system:authenticated') || own.includes('system:unauthenticated')
  return { ...user, groups: isKnown ? own : [...own, general] }
}
