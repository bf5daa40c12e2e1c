// The cluster roles that every cluster begins with, and who has them. Names and rights as Kubernetes' documentation has
// them: https://kubernetes.io/docs/reference/access-authn-authz/rbac/#default-roles-and-role-bindings

import type { ClusterRole, ClusterRoleBinding, PolicyRule, RbacSubject } from '../../../api/generated/types.ts'
import { mastersGroup } from '../../../api/objects/known-users.ts'
import { accessGroup } from '../../../api/resources/access-rules.ts'
import { certificateRoleBindings, certificateRoles } from './joining-roles.ts'
import { nodeRules } from './node-rules.ts'
import { adminRules, editRules, viewRules } from './user-roles.ts'

const all = ['*']
const get = ['get']
const create = ['create']
const healthPaths = ['/livez', '/readyz', '/healthz']
const versionPaths = ['/version', '/version/']
const discoveryPaths = ['/api', '/api/*', '/apis', '/apis/*', '/openapi', '/openapi/*']
const issuerPaths = ['/.well-known/openid-configuration', '/openid/v1/jwks'].flatMap((path) => [path, `${path}/`])
const labels = { 'kubernetes.io/bootstrapping': 'rbac-defaults' }
const annotations = { 'rbac.authorization.kubernetes.io/autoupdate': 'true' }
const reviewsGroup = 'authorization.k8s.io'
const identityGroup = 'authentication.k8s.io'

/** Those that are there from the start. */
export const defaultClusterRoles: readonly ClusterRole[] = [
  role('cluster-admin', [
    { verbs: all, apiGroups: all, resources: all },
    { verbs: all, nonResourceURLs: all },
  ]),
  role('system:discovery', [{ verbs: get, nonResourceURLs: [...healthPaths, ...versionPaths, ...discoveryPaths] }]),
  role('system:public-info-viewer', [{ verbs: get, nonResourceURLs: [...healthPaths, ...versionPaths] }]),
  role('system:monitoring', [
    {
      verbs: get,
      nonResourceURLs: ['/metrics', '/metrics/*', ...healthPaths, ...healthPaths.map((path) => `${path}/*`)],
    },
  ]),
  role('system:basic-user', [
    { verbs: create, apiGroups: [reviewsGroup], resources: ['selfsubjectaccessreviews', 'selfsubjectrulesreviews'] },
    { verbs: create, apiGroups: [identityGroup], resources: ['selfsubjectreviews'] },
  ]),
  role('system:auth-delegator', [
    { verbs: create, apiGroups: [identityGroup], resources: ['tokenreviews'] },
    { verbs: create, apiGroups: [reviewsGroup], resources: ['subjectaccessreviews'] },
  ]),
  role('system:service-account-issuer-discovery', [{ verbs: get, nonResourceURLs: issuerPaths }]),
  // Nobody has this role: agents are known by the node authorizer. It says what they may do, for whoever reads it.
  role('system:node', [...nodeRules]),
  aggregate('admin', ['admin']),
  aggregate('edit', ['edit'], 'admin'),
  aggregate('view', ['view'], 'edit'),
  role('system:aggregate-to-admin', adminRules, aggregateTo('admin')),
  role('system:aggregate-to-edit', editRules, aggregateTo('edit')),
  role('system:aggregate-to-view', viewRules, aggregateTo('view')),
  ...certificateRoles.map(({ name, rules }) => role(name, rules)),
]

/** Who has them from the start. */
export const defaultClusterRoleBindings: readonly ClusterRoleBinding[] = [
  binding('cluster-admin', [mastersGroup]),
  binding('system:discovery', ['system:authenticated']),
  binding('system:basic-user', ['system:authenticated']),
  binding('system:public-info-viewer', ['system:authenticated', 'system:unauthenticated']),
  binding('system:monitoring', ['system:monitoring']),
  binding('system:service-account-issuer-discovery', ['system:serviceaccounts']),
  ...certificateRoleBindings.map(({ name, groups }) => binding(name, groups)),
]

function role(name: string, rules: PolicyRule[], more: Record<string, string> = {}): ClusterRole {
  return { metadata: { name, labels: { ...labels, ...more }, annotations }, rules }
}

/** A role that is the sum of those with its label, and that may itself be a part of a bigger one. */
function aggregate(name: string, parts: string[], into?: string): ClusterRole {
  const clusterRoleSelectors = parts.map((part) => ({ matchLabels: aggregateTo(part) }))
  const { metadata } = role(name, [], into === undefined ? {} : aggregateTo(into))
  return { metadata, aggregationRule: { clusterRoleSelectors }, rules: [] }
}

function aggregateTo(name: string): Record<string, string> {
  return { [`${accessGroup}/aggregate-to-${name}`]: 'true' }
}

function binding(name: string, groups: readonly string[]): ClusterRoleBinding {
  const subjects: RbacSubject[] = groups.map((group) => ({ kind: 'Group', apiGroup: accessGroup, name: group }))
  return {
    metadata: { name, labels, annotations },
    roleRef: { apiGroup: accessGroup, kind: 'ClusterRole', name },
    subjects,
  }
}
