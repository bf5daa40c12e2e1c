import type { CredentialFiles, KeyPair } from './credential-files.ts'

/** Where a cluster is, and as whom to speak to it. */
export interface ClusterAccess {
  /** Such as https://10.0.0.1:6443. */
  server: string
  /** PEM. */
  caCert: string
  user: string
  /** The pair itself, or where it is: a path is relative to the kubeconfig, and what lies there may be renewed. */
  client: KeyPair | CredentialFiles
}

/** The text of a kubeconfig with one context. */
export function formatKubeconfig({ server, caCert, user, client }: ClusterAccess): string {
  return `apiVersion: v1
kind: Config
clusters:
- name: fairlead
  cluster:
    server: ${JSON.stringify(server)}
    certificate-authority-data: ${toBase64(caCert)}
users:
- name: ${JSON.stringify(user)}
  user:
${formatClient(client)}
contexts:
- name: fairlead
  context:
    cluster: fairlead
    user: ${JSON.stringify(user)}
current-context: fairlead
`
}

function formatClient(client: KeyPair | CredentialFiles): string {
  if ('cert' in client)
    return `    client-certificate-data: ${toBase64(client.cert)}\n    client-key-data: ${toBase64(client.key)}`
  const { certFile, keyFile } = client
  return `    client-certificate: ${JSON.stringify(certFile)}\n    client-key: ${JSON.stringify(keyFile)}`
}

const toBase64 = (pem: string) => Buffer.from(pem).toString('base64')
