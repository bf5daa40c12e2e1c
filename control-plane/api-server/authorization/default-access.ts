// Keeps the default roles and bindings: at each start what is missing is added. What users added stays, and so does a
// role that is marked as not to be updated.
// https://kubernetes.io/docs/reference/access-authn-authz/rbac/#auto-reconciliation

import { setTimeout as sleep } from 'node:timers/promises'
import type { ClusterRole, ClusterRoleBinding, RbacSubject, Role, RoleBinding } from '../../../api/generated/types.ts'
import { mastersGroup } from '../../../api/objects/known-users.ts'
import { ignore, isAlreadyExists, isNotFound } from '../../../api/objects/status-error.ts'
import { clusterRoleBindings } from '../../../api/resources/cluster-role-bindings.ts'
import { clusterRoles } from '../../../api/resources/cluster-roles.ts'
import type { Resource } from '../../../api/resources/resource.ts'
import { roleBindings } from '../../../api/resources/role-bindings.ts'
import { roles } from '../../../api/resources/roles.ts'
import { deleteObject } from '../deletion.ts'
import type { Log } from '../log.ts'
import { createObject, objectName, type Target, updateObject, type WriteContext } from '../writes.ts'
import { defaultClusterRoleBindings, defaultClusterRoles } from './default-roles.ts'
import { joiningRoleBindings, joiningRoles } from './joining-roles.ts'
import { uncovered } from './policy-rule.ts'

const user = { name: 'system:apiserver', groups: [mastersGroup] }
const keptAnnotation = 'rbac.authorization.kubernetes.io/autoupdate'
const retryMs = 1_000

type AnyRole = ClusterRole | Role
type AnyBinding = ClusterRoleBinding | RoleBinding

/** Resolves when all of them are there, or when the signal aborts. */
export async function ensureDefaultAccess(context: WriteContext, log: Log, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    try {
      for (const role of defaultClusterRoles) await ensure(context, clusterRoles, role, completeRole)
      for (const binding of defaultClusterRoleBindings)
        await ensure(context, clusterRoleBindings, binding, completeBinding)
      for (const role of joiningRoles) await ensure(context, roles, role, completeRole)
      for (const binding of joiningRoleBindings) await ensure(context, roleBindings, binding, completeBinding)
      return
    } catch (error) {
      if (!signal.aborted) log.warn(`cannot keep the default roles, trying again: ${String(error)}`)
      await sleep(retryMs, undefined, { signal, ref: false }).catch(() => {}) // aborted: the loop ends
    }
  }
}

/** Creates what is absent; else completes it, in place. */
async function ensure<T extends AnyRole | AnyBinding>(
  context: WriteContext,
  resource: Resource<T>,
  wanted: T,
  complete: (current: T, wanted: T) => void,
): Promise<void> {
  const { name = '', namespace = '' } = wanted.metadata ?? {}
  const target: Target = { resource, namespace, name, subresource: '', user, dryRun: false }
  const found = (await context.cluster.find(resource, objectName(resource, namespace, name))) as T | undefined
  if (found !== undefined && !pointsElsewhere(found, wanted)) {
    await updateObject(context, target, (current) => {
      if (current.metadata.annotations?.[keptAnnotation] === 'false') return current
      const { labels, annotations } = wanted.metadata ?? {}
      current.metadata.labels = { ...labels, ...current.metadata.labels }
      current.metadata.annotations = { ...annotations, ...current.metadata.annotations }
      complete(current as unknown as T, wanted)
      return current
    })
    return
  }
  // A binding's role cannot be changed: one that somebody made for another role goes first.
  if (found !== undefined) await deleteObject(context, target, {}).catch(ignore(isNotFound))
  await createObject(context, target, structuredClone(wanted)).catch(ignore(isAlreadyExists))
}

function completeRole(role: AnyRole, { rules = [], ...wanted }: AnyRole): void {
  if ('aggregationRule' in wanted) Object.assign(role, { aggregationRule: wanted.aggregationRule })
  const missing = uncovered(role.rules ?? [], rules)
  if (missing.length > 0) role.rules = [...(role.rules ?? []), ...missing]
}

function completeBinding(binding: AnyBinding, { subjects = [] }: AnyBinding): void {
  const present = binding.subjects ?? []
  const isPresent = (wanted: RbacSubject) =>
    present.some(({ kind, name }) => kind === wanted.kind && name === wanted.name)
  binding.subjects = [...present, ...subjects.filter((subject) => !isPresent(subject))]
}

function pointsElsewhere(found: AnyRole | AnyBinding, wanted: AnyRole | AnyBinding): boolean {
  if (!('roleRef' in wanted && 'roleRef' in found)) return false
  const isKept = found.metadata?.annotations?.[keptAnnotation] === 'false'
  return !isKept && (found.roleRef.kind !== wanted.roleRef.kind || found.roleRef.name !== wanted.roleRef.name)
}
