import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { writeSecret } from '../../api/credentials/credential-files.ts'
import { formatKubeconfig } from '../../api/credentials/format-kubeconfig.ts'
import { nodeSubject } from '../../api/objects/known-users.ts'
import { ensurePair, readAuthority } from './pki.ts'

export interface NodeRequest {
  /** Data directory of the control plane. */
  dataDir: string
  /** The node's name. */
  name: string
  /** Addresses and names under which the API server reaches the agent. */
  addresses: readonly string[]
  /** URL of the API server, for the agent. */
  serverUrl: string
  /** Where the files go. */
  outDir: string
}

/** Writes ca.crt, kubeconfig, client.crt and .key, server.crt and .key for an agent. What is there and still good is kept. */
export async function issueNode({ dataDir, name, addresses, serverUrl, outDir }: NodeRequest): Promise<void> {
  const authority = readAuthority(dataDir)
  mkdirSync(outDir, { recursive: true, mode: 0o700 })
  const subject = nodeSubject(name)
  await ensurePair(outDir, 'client', authority, { ...subject, usage: 'client' })
  writeSecret(join(outDir, 'ca.crt'), authority.cert)
  const files = { certFile: 'client.crt', keyFile: 'client.key' }
  const access = { server: serverUrl, caCert: authority.cert, user: subject.commonName, client: files }
  writeSecret(join(outDir, 'kubeconfig'), formatKubeconfig(access))
  const names = [...new Set([name, ...addresses])]
  await ensurePair(outDir, 'server', authority, { ...subject, usage: 'server', names })
}
