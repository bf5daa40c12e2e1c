import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { writeSecret } from './credential-files.ts'
import { formatKubeconfig } from './kubeconfig.ts'
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

/** Writes ca.crt, kubeconfig, server.crt and server.key for an agent. What is there and still good is kept. */
export async function issueNode({ dataDir, name, addresses, serverUrl, outDir }: NodeRequest): Promise<void> {
  const authority = readAuthority(dataDir)
  mkdirSync(outDir, { recursive: true, mode: 0o700 })
  const user = `system:node:${name}`
  const organizations = ['system:nodes']
  const client = await ensurePair(outDir, 'client', authority, { commonName: user, organizations, usage: 'client' })
  writeSecret(join(outDir, 'ca.crt'), authority.cert)
  writeSecret(join(outDir, 'kubeconfig'), formatKubeconfig({ server: serverUrl, caCert: authority.cert, user, client }))
  const names = [...new Set([name, ...addresses])]
  await ensurePair(outDir, 'server', authority, { commonName: user, organizations, usage: 'server', names })
}
