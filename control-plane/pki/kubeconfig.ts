import type { KeyPair } from './certificates.ts'

/** Where a cluster is, and as whom to speak to it. */
export interface ClusterAccess {
  /** Such as https://10.0.0.1:6443. */
  server: string
  /** PEM. */
  caCert: string
  user: string
  client: KeyPair
}

/** The text of a kubeconfig with one context and everything in it. */
export function formatKubeconfig({ server, caCert, user, client }: ClusterAccess): string {
  const base64 = (pem: string) => Buffer.from(pem).toString('base64')
  return `apiVersion: v1
kind: Config
clusters:
- name: fairlead
  cluster:
    server: ${JSON.stringify(server)}
    certificate-authority-data: ${base64(caCert)}
users:
- name: ${JSON.stringify(user)}
  user:
    client-certificate-data: ${base64(client.cert)}
    client-key-data: ${base64(client.key)}
contexts:
- name: fairlead
  context:
    cluster: fairlead
    user: ${JSON.stringify(user)}
current-context: fairlead
`
}
