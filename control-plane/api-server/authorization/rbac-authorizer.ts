// Rights by roles that are bound to users and groups: reads the four kinds from their watch caches, so that what was
// written before a request counts for it, and no request lists anything.
// https://kubernetes.io/docs/reference/access-authn-authz/rbac/

import type { ClusterRole, PolicyRule, RbacSubject, Role, RoleRef } from '../../../api/generated/types.ts'
import { notFound } from '../../../api/objects/status-error.ts'
import { clusterRoleBindings } from '../../../api/resources/cluster-role-bindings.ts'
import { clusterRoles } from '../../../api/resources/cluster-roles.ts'
import type { Resource } from '../../../api/resources/resource.ts'
import { roleBindings } from '../../../api/resources/role-bindings.ts'
import { roles } from '../../../api/resources/roles.ts'
import { followCache } from '../cache-follower.ts'
import type { User } from '../exchange.ts'
import { isStatusError } from '../refusals.ts'
import type { WatchCache } from '../watch-cache.ts'
import type { Authorizer, KnownRules, Opinion } from './authorizer.ts'
import { type Binding, BindingIndex, subjectFor } from './binding-index.ts'
import { ruleAllows } from './policy-rule.ts'
import type { Attributes } from './request-attributes.ts'

/** Gives the cache of a kind. */
export interface Caches {
  cacheOf(resource: Resource): WatchCache
}

export class RbacAuthorizer implements Authorizer {
  readonly #roles: WatchCache
  readonly #clusterRoles: WatchCache
  readonly #inNamespaces = new BindingIndex()
  readonly #inCluster = new BindingIndex()

  constructor(caches: Caches) {
    this.#roles = caches.cacheOf(roles)
    this.#clusterRoles = caches.cacheOf(clusterRoles)
    followCache(caches.cacheOf(roleBindings), this.#inNamespaces)
    followCache(caches.cacheOf(clusterRoleBindings), this.#inCluster)
  }

  authorize(user: User, attributes: Attributes): Opinion {
    const errors: string[] = []
    const namespace = 'path' in attributes ? '' : attributes.namespace
    for (const binding of this.#bindingsOf(user, namespace)) {
      const { rules, error } = this.#rulesOf(binding)
      if (error !== '') errors.push(error)
      if (rules.some((rule) => ruleAllows(rule, attributes)))
        return { allowed: true, reason: `RBAC: allowed by ${describe(binding, user)}` }
    }
    return { allowed: false, reason: formatErrors(errors) }
  }

  rulesOf(user: User, namespace: string): KnownRules {
    const found = [...this.#bindingsOf(user, namespace)].map((binding) => this.#rulesOf(binding))
    const errors = found.flatMap(({ error }) => (error === '' ? [] : [error]))
    return { rules: found.flatMap(({ rules }) => rules), incomplete: formatErrors(errors) }
  }

  /** The rules of a role that a binding in this namespace names. Throws notFound. */
  rulesOfRole({ kind, name }: RoleRef, namespace: string): PolicyRule[] {
    const isClusterRole = kind === 'ClusterRole'
    const found = isClusterRole ? this.#clusterRoles.get(name) : this.#roles.get(`${namespace}/${name}`)
    if (found === undefined) throw notFound(isClusterRole ? clusterRoles : roles, name)
    const { rules }: Role | ClusterRole = found.object
    return rules ?? []
  }

  *#bindingsOf(user: User, namespace: string): Iterable<Binding> {
    yield* this.#inCluster.find(user, '')
    if (namespace !== '') yield* this.#inNamespaces.find(user, namespace)
  }

  /** A role that is gone leaves its bindings without effect. */
  #rulesOf({ roleRef, metadata }: Binding): { rules: PolicyRule[]; error: string } {
    try {
      return { rules: this.rulesOfRole(roleRef, metadata.namespace ?? ''), error: '' }
    } catch (error) {
      if (!isStatusError(error)) throw error
      return { rules: [], error: error.message }
    }
  }
}

function formatErrors(errors: readonly string[]): string {
  if (errors.length === 0) return ''
  return `RBAC: ${errors.length === 1 ? errors[0] : `[${errors.join(', ')}]`}`
}

function describe(binding: Binding, user: User): string {
  const { namespace, name } = binding.metadata
  const { kind, name: role } = binding.roleRef
  const what = namespace === undefined ? `ClusterRoleBinding "${name}"` : `RoleBinding "${name}/${namespace}"`
  return `${what} of ${kind} "${role}" to ${describeSubject(subjectFor(binding, user))}`
}

function describeSubject(subject: RbacSubject | undefined): string {
  if (subject?.kind !== 'ServiceAccount') return `${subject?.kind} "${subject?.name}"`
  return `ServiceAccount "${subject.name}/${subject.namespace}"`
}
