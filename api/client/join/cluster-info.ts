// The ConfigMap that anybody may read: where the cluster is and who vouches for it, as a kubeconfig without a user.
// https://kubernetes.io/docs/reference/access-authn-authz/bootstrap-tokens/#configmap-signing

import type { ConfigMap } from '../../generated/types.ts'

/** Where it is. */
export const clusterInfoName = { namespace: 'kube-public', name: 'cluster-info' }

/** The ConfigMap for a cluster. serverUrl: where hosts reach the API server; caCert: PEM. */
export function makeClusterInfo(serverUrl: string, caCert: string): ConfigMap {
  const kubeconfig = `apiVersion: v1
kind: Config
clusters:
- name: ""
  cluster:
    server: ${JSON.stringify(serverUrl)}
    certificate-authority-data: ${Buffer.from(caCert).toString('base64')}
contexts: []
users: []
preferences: {}
current-context: ""
`
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata: clusterInfoName, data: { kubeconfig } }
}
