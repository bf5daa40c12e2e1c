// Who may join the cluster and be given certificates. A host that shows a bootstrap token asks for a certificate and reads
// the cluster's settings, no more; which requests are approved without an administrator is a right of its own, as in
// Kubernetes: https://kubernetes.io/docs/reference/access-authn-authz/kubelet-tls-bootstrapping/

import { clientSigner, servingSigner } from '../../../api/client/join/certificate-request.ts'
import { clusterInfoName } from '../../../api/client/join/cluster-info.ts'
import { clusterSettingsName } from '../../../api/client/join/cluster-settings.ts'
import type { PolicyRule, Role, RoleBinding } from '../../../api/generated/types.ts'
import { accessGroup } from '../../../api/resources/access-rules.ts'

const certificatesGroup = 'certificates.k8s.io'
const approvalPrefix = 'system:certificates.k8s.io:certificatesigningrequests'
const labels = { 'kubernetes.io/bootstrapping': 'rbac-defaults' }
const annotations = { 'rbac.authorization.kubernetes.io/autoupdate': 'true' }

/** Everybody who showed a bootstrap token. */
export const bootstrappersGroup = 'system:bootstrappers'

/** For the whole cluster. */
export const certificateRoles: readonly { name: string; rules: PolicyRule[] }[] = [
  { name: 'system:node-bootstrapper', rules: [mayCreate('certificatesigningrequests')] },
  ...['nodeclient', 'selfnodeclient', 'selfnodeserver'].map((kind) => ({
    name: `${approvalPrefix}:${kind}`,
    rules: [mayCreate(`certificatesigningrequests/${kind}`)],
  })),
  ...['kube-apiserver-client-approver', 'kube-apiserver-client-kubelet-approver', 'kubelet-serving-approver'].map(
    (kind) => ({
      name: `system:certificates.k8s.io:${kind}`,
      rules: [
        {
          verbs: ['approve'],
          apiGroups: [certificatesGroup],
          resources: ['signers'],
          resourceNames: [`kubernetes.io/${kind.replace(/-approver$/, '')}`],
        },
      ],
    }),
  ),
]

/** Who has which of them. Without the last three, an administrator approves each request by hand. */
export const certificateRoleBindings: readonly { name: string; groups: string[] }[] = [
  { name: 'system:node-bootstrapper', groups: [bootstrappersGroup] },
  { name: `${approvalPrefix}:nodeclient`, groups: [bootstrappersGroup] },
  { name: `${approvalPrefix}:selfnodeclient`, groups: ['system:nodes'] },
  { name: `${approvalPrefix}:selfnodeserver`, groups: ['system:nodes'] },
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
    subjects: [bootstrappersGroup, 'system:nodes'].map((name) => ({ kind: 'Group', apiGroup: accessGroup, name })),
  },
]

/** What each signer's requests may be asked for by users that were not made for all of them. */
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
