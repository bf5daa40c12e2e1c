// Nobody gives away rights that they do not have: who writes a role must hold all of its rules, and who binds one too,
// unless they may "escalate" or "bind" that role.
// https://kubernetes.io/docs/reference/access-authn-authz/rbac/#privilege-escalation-prevention-and-bootstrapping

import { isDeepStrictEqual } from 'node:util'
import type { ClusterRole, ClusterRoleBinding, PolicyRule, Role, RoleBinding } from '../../../api/generated/types.ts'
import { mastersGroup } from '../../../api/objects/known-users.ts'
import { forbidden } from '../../../api/objects/status-error.ts'
import { accessGroup } from '../../../api/resources/access-rules.ts'
import type { Admission, AdmissionRequest } from '../admission/admission.ts'
import type { Authorizer } from './authorizer.ts'
import { uncovered } from './policy-rule.ts'
import type { RbacAuthorizer } from './rbac-authorizer.ts'

const fullPower: PolicyRule[] = [
  { verbs: ['*'], apiGroups: ['*'], resources: ['*'] },
  { verbs: ['*'], nonResourceURLs: ['*'] },
]

/** The rule, over the roles there are. It cannot be left out. */
export function preventEscalation(authorizer: Authorizer, rbac: RbacAuthorizer): Admission {
  return {
    name: 'EscalationPrevention',
    admit(request) {
      const { resource, subresource, verb, user } = request
      if (resource.group !== accessGroup || subresource !== '' || verb === 'delete') return
      if (user.groups.includes(mastersGroup)) return
      if (resource.plural === 'roles' || resource.plural === 'clusterroles') checkRole(request, authorizer)
      else checkBinding(request, authorizer, rbac)
    },
  }
}

function checkRole(request: AdmissionRequest, authorizer: Authorizer): void {
  const role: Role | ClusterRole = request.object ?? {}
  const old: Role | ClusterRole = request.old ?? {}
  const aggregation = (given: Role | ClusterRole) => ('aggregationRule' in given ? given.aggregationRule : undefined)
  const isSame = isDeepStrictEqual(role.rules, old.rules) && isDeepStrictEqual(aggregation(role), aggregation(old))
  if (
    (request.old !== undefined && isSame) ||
    may(request, authorizer, 'escalate', request.resource.plural, request.name)
  )
    return
  if (aggregation(role) !== undefined && lacks(request, authorizer, fullPower).length > 0)
    throw refuse(request, 'must have cluster-admin privileges to use aggregationRule')
  refuseMissing(request, lacks(request, authorizer, role.rules ?? []))
}

function checkBinding(request: AdmissionRequest, authorizer: Authorizer, rbac: RbacAuthorizer): void {
  const { roleRef, subjects } = (request.object ?? {}) as RoleBinding | ClusterRoleBinding
  const old = request.old as RoleBinding | ClusterRoleBinding | undefined
  if (roleRef === undefined) return // validation says so
  if (old !== undefined && isDeepStrictEqual(roleRef, old.roleRef) && isDeepStrictEqual(subjects, old.subjects)) return
  const plural = roleRef.kind === 'ClusterRole' ? 'clusterroles' : 'roles'
  if (may(request, authorizer, 'bind', plural, roleRef.name)) return
  refuseMissing(request, lacks(request, authorizer, rbac.rulesOfRole(roleRef, request.namespace)))
}

function may(
  { user, namespace }: AdmissionRequest,
  authorizer: Authorizer,
  verb: string,
  resource: string,
  name: string,
) {
  const attributes = { verb, group: accessGroup, namespace, resource, subresource: '', name }
  return authorizer.authorize(user, attributes).allowed
}

function lacks({ user, namespace }: AdmissionRequest, authorizer: Authorizer, wanted: readonly PolicyRule[]) {
  return uncovered(authorizer.rulesOf(user, namespace).rules, wanted)
}

function refuseMissing(request: AdmissionRequest, missing: readonly PolicyRule[]): void {
  if (missing.length === 0) return
  const { name, groups } = request.user
  const who = `user ${JSON.stringify(name)} (groups=[${groups.map((group) => JSON.stringify(group)).join(' ')}])`
  const lines = missing.map(describe).sort()
  throw refuse(request, `${who} is attempting to grant RBAC permissions not currently held:\n${lines.join('\n')}`)
}

function refuse({ resource, name }: AdmissionRequest, why: string) {
  return forbidden(resource, name, why)
}

/** As Kubernetes prints a rule. */
function describe(rule: PolicyRule): string {
  const fields: [name: string, values: string[] | undefined][] = [
    ['APIGroups', rule.apiGroups],
    ['Resources', rule.resources],
    ['ResourceNames', rule.resourceNames],
    ['NonResourceURLs', rule.nonResourceURLs],
    ['Verbs', rule.verbs],
  ]
  const listed = fields.flatMap(([name, values]) =>
    values === undefined ? [] : [`${name}:[${values.map((value) => JSON.stringify(value)).join(' ')}]`],
  )
  return `{${listed.join(', ')}}`
}
