// Rules for roles and bindings. https://kubernetes.io/docs/reference/access-authn-authz/rbac/

import type {
  ClusterRole,
  ClusterRoleBinding,
  PolicyRule,
  RbacSubject,
  Role,
  RoleBinding,
  RoleRef,
} from '../generated/types.ts'
import { invalidIf, invalidValue, notSupported, required } from '../objects/field-errors.ts'
import { whyNotDnsSubdomain, whyNotPathSegment } from '../objects/names.ts'
import type { FieldError } from '../objects/status-error.ts'
import { validateLabelSelector } from './label-selector-rules.ts'

/** The group of all kinds that say who may do what. */
export const accessGroup = 'rbac.authorization.k8s.io'

/** A role of one namespace can speak of resources alone. */
export function validateRole({ rules = [] }: Role): FieldError[] {
  return rules.flatMap((rule, index) => validateRule(rule, `rules[${index}]`, true))
}

/** A cluster role may also be made of others. */
export function validateClusterRole({ rules = [], aggregationRule }: ClusterRole): FieldError[] {
  const path = 'aggregationRule.clusterRoleSelectors'
  const selectors = aggregationRule?.clusterRoleSelectors ?? []
  return [
    ...rules.flatMap((rule, index) => validateRule(rule, `rules[${index}]`, false)),
    ...(aggregationRule !== undefined && selectors.length === 0
      ? [required(path, 'at least one clusterRoleSelector required if aggregationRule is non-nil')]
      : []),
    ...selectors.flatMap((selector, index) => validateLabelSelector(selector, `${path}[${index}]`)),
  ]
}

function validateRule(rule: PolicyRule, path: string, isNamespaced: boolean): FieldError[] {
  const { verbs = [], apiGroups = [], resources = [], resourceNames = [], nonResourceURLs = [] } = rule
  const missing = verbs.length === 0 ? [required(`${path}.verbs`, 'verbs must contain at least one value')] : []
  if (nonResourceURLs.length === 0) return [...missing, ...validateResources(apiGroups, resources, path)]
  const refuse = (why: string) => invalidValue(`${path}.nonResourceURLs`, nonResourceURLs, why)
  const isMixed = apiGroups.length + resources.length + resourceNames.length > 0
  return [
    ...missing,
    ...(isNamespaced ? [refuse('namespaced rules cannot apply to non-resource URLs')] : []),
    ...(isMixed ? [refuse('rules cannot apply to both regular resources and non-resource URLs')] : []),
  ]
}

function validateResources(apiGroups: string[], resources: string[], path: string): FieldError[] {
  return [
    ...(apiGroups.length === 0
      ? [required(`${path}.apiGroups`, 'resource rules must supply at least one api group')]
      : []),
    ...(resources.length === 0
      ? [required(`${path}.resources`, 'resource rules must supply at least one resource')]
      : []),
  ]
}

/** A binding of one namespace may name roles of that namespace and cluster roles. */
export function validateRoleBinding({ roleRef, subjects = [] }: RoleBinding): FieldError[] {
  return [
    ...validateRoleRef(roleRef, ['ClusterRole', 'Role']),
    ...subjects.flatMap((subject, index) => validateSubject(subject, `subjects[${index}]`, true)),
  ]
}

/** A binding for the whole cluster names cluster roles alone. */
export function validateClusterRoleBinding({ roleRef, subjects = [] }: ClusterRoleBinding): FieldError[] {
  return [
    ...validateRoleRef(roleRef, ['ClusterRole']),
    ...subjects.flatMap((subject, index) => validateSubject(subject, `subjects[${index}]`, false)),
  ]
}

function validateRoleRef(ref: RoleRef | undefined, kinds: readonly string[]): FieldError[] {
  const { apiGroup = '', kind = '', name = '' } = ref ?? {}
  return [
    ...(apiGroup === accessGroup ? [] : [notSupported('roleRef.apiGroup', apiGroup, [accessGroup])]),
    ...(kinds.includes(kind) ? [] : [notSupported('roleRef.kind', kind, kinds)]),
    ...(name === '' ? [required('roleRef.name')] : invalidIf('roleRef.name', name, whyNotPathSegment(name))),
  ]
}

function validateSubject(
  { kind, name, namespace = '', apiGroup = '' }: RbacSubject,
  path: string,
  isNamespaced: boolean,
): FieldError[] {
  const missing = (name ?? '') === '' ? [required(`${path}.name`)] : []
  if (kind === 'User' || kind === 'Group')
    return [
      ...missing,
      ...(apiGroup === accessGroup ? [] : [notSupported(`${path}.apiGroup`, apiGroup, [accessGroup])]),
    ]
  if (kind !== 'ServiceAccount')
    return [...missing, notSupported(`${path}.kind`, kind, ['Group', 'ServiceAccount', 'User'])]
  return [
    ...missing,
    ...(missing.length === 0 ? invalidIf(`${path}.name`, name, whyNotDnsSubdomain(name)) : []),
    ...(apiGroup === '' ? [] : [notSupported(`${path}.apiGroup`, apiGroup, [''])]),
    ...(!isNamespaced && namespace === '' ? [required(`${path}.namespace`)] : []),
  ]
}

/** Who may use a role may be changed; which role it is about may not, as that would give other rights to all at once. */
export function validateSameRole(
  { roleRef }: RoleBinding | ClusterRoleBinding,
  { roleRef: old }: RoleBinding | ClusterRoleBinding,
): FieldError[] {
  const isSame = (['apiGroup', 'kind', 'name'] as const).every((field) => roleRef?.[field] === old?.[field])
  return isSame ? [] : [invalidValue('roleRef', roleRef, 'cannot change roleRef')]
}

/** Groups that may be left out are written in. */
export function setBindingDefaults(binding: RoleBinding | ClusterRoleBinding): void {
  if (binding.roleRef !== undefined) binding.roleRef.apiGroup ||= accessGroup
  for (const subject of binding.subjects ?? [])
    if (subject.kind === 'User' || subject.kind === 'Group') subject.apiGroup ||= accessGroup
}
