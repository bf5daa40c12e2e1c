// Who may join the cluster and be given certificates. A host that shows a bootstrap token asks for a certificate and reads
// the cluster's settings, no more; which requests are approved without an administrator is a right of its own, as in
// Kubernetes: https://kubernetes.io/docs/reference/access-authn-authz/kubelet-tls-bootstrapping/

import { clientSigner, servingSigner, userSigner } from '../../../api/client/join/certificate-request.ts'
import { clusterInfoName } from '../../../api/client/join/cluster-info.ts'
import { clusterSettingsName } from '../../../api/client/join/cluster-settings.ts'
import type { PolicyRule, Role, RoleBinding } from '../../../api/generated/types.ts'
import { bootstrappersGroup, nodesGroup } from '../../../api/objects/known-users.ts'
import { accessGroup } from '../../../api/resources/access-rules.ts'

const certificatesGroup = 'certificates.k8s.io'
const approvalPrefix = 'system:certificates.k8s.io:certificatesigningrequests'
const labels = { 'kubernetes.io/bootstrapping': 'rbac-defaults' }
const annotations = { 'rbac.authorization.kubernetes.io/autoupdate': 'true' }

/** For the whole cluster. */
export const certificateRoles: readonly { name: string; rules: PolicyRule[] }[] = [
  { name: 'system:node-bootstrapper', rules: [mayCreate('certificatesigningrequests')] },
  ...['nodeclient', 'selfnodeclient', 'selfnodeserver'].map((kind) => ({
    name: `${approvalPrefix}:${kind}`,
    rules: [mayCreate(`certificatesigningrequests/${kind}`)],
  })),
  ...[userSigner, clientSigner, servingSigner].map((signer) => ({
    name: `system:certificates.k8s.io:${signer.split('/')[1]}-approver`,
    rules: [{ verbs: ['approve'], apiGroups: [certificatesGroup], resources: ['signers'], resourceNames: [signer] }],
  })),
]

/** Who has which of them. Without the last three, an administrator approves each request by hand. */
export const certificateRoleBindings: readonly { name: string; groups: string[] }[] = [
  { name: 'system:node-bootstrapper', groups: [bootstrappersGroup] },
  { name: `${approvalPrefix}:nodeclient`, groups: [bootstrappersGroup] },
  { name: `${approvalPrefix}:selfnodeclient`, groups: [nodesGroup] },
  { name: `${approvalPrefix}:selfnodeserver`, groups: [nodesGroup] },
]

/** In namespaces: one ConfigMap each. */
export const joiningRoles: readonly Role[] = [
  mayRead('fairlead:cluster-info', clusterInfoName),
  mayRead('fairlead:cluster-settings', clusterSettingsName),
]

/** Anybody reads where the cluster is, before they know whom to trust; whoever may join reads how its nodes are set up. */
export const joiningRoleBindings: readonly RoleBinding[] = [
  {
    metadata: { name: 'fairlead:cluster-info', namespace: clusterInfoName.namespace, labels, annotations },
    roleRef: { apiGroup: accessGroup, kind: 'Role', name: 'fairlead:cluster-info' },
    subjects: [{ kind: 'User', apiGroup: accessGroup, name: 'system:anonymous' }],
  },
  {
    metadata: { name: 'fairlead:cluster-settings', namespace: clusterSettingsName.namespace, labels, annotations },
    roleRef: { apiGroup: accessGroup, kind: 'Role', name: 'fairlead:cluster-settings' },
    subjects: [{ kind: 'Group', apiGroup: accessGroup, name: bootstrappersGroup }],
  },
]

/** The signers that hosts with a token, and agents, may ask; others may ask any. */
export const signersOfBootstrappers: readonly string[] = [clientSigner]
export const signersOfNodes: readonly string[] = [clientSigner, servingSigner]

function mayCreate(resource: string): PolicyRule {
  return { verbs: ['create'], apiGroups: [certificatesGroup], resources: [resource] }
}

function mayRead(role: string, { namespace, name }: { namespace: string; name: string }): Role {
  return {
    metadata: { name: role, namespace, labels, annotations },
    rules: [{ verbs: ['get'], apiGroups: [''], resources: ['configmaps'], resourceNames: [name] }],
  }
}
