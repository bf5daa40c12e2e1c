// The conversation of a host with the cluster that it wants to join; docs/hosts.md, "How a node joins".

import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { HttpClient } from '../api/client/http-client.ts'
import { parseBootstrapToken } from '../api/client/join/bootstrap-token.ts'
import {
  type CertificateAndKey,
  clientSigner,
  requestCertificate,
  servingSigner,
} from '../api/client/join/certificate-request.ts'
import { type ClusterSettings, readClusterSettings } from '../api/client/join/cluster-settings.ts'
import { discoverCluster } from '../api/client/join/discovery.ts'
import { TlsTransport } from '../api/client/tls-transport.ts'
import { formatKubeconfig } from '../api/credentials/format-kubeconfig.ts'
import { isUnauthorized } from '../api/objects/status-error.ts'
import { Refusal } from './failure.ts'
import { writeWhole } from './files.ts'
import { agentPkiDir } from './paths.ts'
import type { NodeSettings } from './settings.ts'

/** What a host shows. */
export interface Pass {
  /** host:port */
  server: string
  token: string
  caCertHash: string
  nodeName: string
}

/** A cluster that has proven who it is and has let us in. */
export interface ClusterEntry {
  caCert: string
  serverUrl: string
  settings: ClusterSettings
  /** The node's own certificate, by which it is known from then on. */
  requestClient(signal: AbortSignal): Promise<CertificateAndKey>
}

const certificateLimitMs = 60_000

/** Finds the cluster, checks its authority, shows the token and reads the settings. Throws a Refusal; nothing has changed then. */
export async function enterCluster({ server, token, caCertHash, nodeName }: Pass): Promise<ClusterEntry> {
  if (parseBootstrapToken(token) === undefined)
    throw new Refusal(
      '--token: must be six characters, a dot and sixteen, such as abcdef.0123456789abcdef; nothing was changed',
    )
  const { caCert } = await discoverCluster(server, caCertHash).catch(refuse)
  // The address that was given leads there from this host; the one that the cluster knows itself by need not.
  const serverUrl = `https://${server}`
  const open = () => new TlsTransport({ server: serverUrl, ca: caCert, token })
  const settings = await using(open(), (client) => readClusterSettings(client)).catch(explainToken)
  const options = {
    ...{ signerName: clientSigner, usages: ['digital signature', 'client auth'], timeoutMs: certificateLimitMs },
    ...subjectOf(nodeName),
  }
  return {
    ...{ caCert, serverUrl, settings },
    requestClient: (signal) => using(open(), (client) => requestCertificate(client, { ...options, signal })),
  }
}

function refuse(error: unknown): never {
  throw new Refusal(`${error instanceof Error ? error.message : error}\nNothing was changed`, { cause: error })
}

function explainToken(error: unknown): never {
  if (isUnauthorized(error))
    throw new Refusal(
      'the cluster does not take this token: it is wrong, has ended, or was deleted. `fairlead token create --print-join-command` on the control plane makes a new one. Nothing was changed',
      { cause: error },
    )
  throw error
}

const subjectOf = (nodeName: string) => ({ commonName: `system:node:${nodeName}`, organizations: ['system:nodes'] })

async function using<T>(transport: TlsTransport, act: (client: HttpClient) => Promise<T>): Promise<T> {
  try {
    return await act(new HttpClient(transport))
  } finally {
    await transport.close()
  }
}

/** Speaks to the cluster as the node. */
export function openAsNode({ serverUrl, caCert }: ClusterEntry, { certPem, keyPem }: CertificateAndKey) {
  const transport = new TlsTransport({ server: serverUrl, ca: caCert, cert: certPem, key: keyPem })
  return { client: new HttpClient(transport), close: () => transport.close() }
}

/** The certificate of the agent's server. The API server's own address is signed for nobody, also not for a node beside it. */
export async function requestServing(
  client: HttpClient,
  { serverUrl }: Pick<ClusterEntry, 'serverUrl'>,
  { nodeName, nodeIp }: NodeSettings,
  signal: AbortSignal,
): Promise<CertificateAndKey> {
  const server = new URL(serverUrl).hostname.replace(/^\[|\]$/g, '')
  return await requestCertificate(client, {
    ...{ signerName: servingSigner, usages: ['digital signature', 'server auth'], timeoutMs: certificateLimitMs },
    ...subjectOf(nodeName),
    names: [nodeName, ...nodeIp.split(',').filter((address) => address !== server)],
    signal,
  })
}

/** Writes the files that the agent's flags name. */
export async function writeCredentials(parts: {
  entry: ClusterEntry
  nodeName: string
  client: CertificateAndKey
  serving: CertificateAndKey
}): Promise<void> {
  const { entry, nodeName, client, serving } = parts
  mkdirSync(agentPkiDir, { recursive: true, mode: 0o700 })
  const { commonName: user } = subjectOf(nodeName)
  // Named rather than held, so that a renewed certificate is two files.
  const clientFiles = { certFile: 'client.crt', keyFile: 'client.key' }
  const files: [string, string][] = [
    ['ca.crt', entry.caCert],
    ['client.key', client.keyPem],
    ['client.crt', client.certPem],
    ['server.key', serving.keyPem],
    ['server.crt', serving.certPem],
    ['kubeconfig', formatKubeconfig({ server: entry.serverUrl, caCert: entry.caCert, user, client: clientFiles })],
  ]
  for (const [name, text] of files) writeWhole(join(agentPkiDir, name), text)
}
