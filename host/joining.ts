// The conversation of a host with the cluster that it wants to join; docs/hosts.md, "How a node joins".

import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { HttpClient } from '../api/client/http-client.ts'
import { parseBootstrapToken } from '../api/client/join/bootstrap-token.ts'
import {
  type CertificateAndKey,
  clientSigner,
  requestCertificate,
  servingSigner,
} from '../api/client/join/certificate-request.ts'
import { type ClusterSettings, readClusterSettings } from '../api/client/join/cluster-settings.ts'
import { discoverCluster, mayBeStarting } from '../api/client/join/discovery.ts'
import { TlsTransport } from '../api/client/tls-transport.ts'
import { filesOf, writePair, writeSecret } from '../api/credentials/credential-files.ts'
import { formatKubeconfig } from '../api/credentials/format-kubeconfig.ts'
import { nodeSubject } from '../api/objects/known-users.ts'
import { isUnauthorized } from '../api/objects/status-error.ts'
import { messageOf, Refusal } from './failure.ts'
import { agentPkiDir } from './paths.ts'
import { tell } from './progress.ts'

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

const certificateLimitMs = 300_000
const startLimitMs = 60_000

/**
 * Finds the cluster, checks its authority, shows the token and reads the settings. A control plane that seems to be only starting is
 * waited for. Throws a Refusal; nothing has changed then.
 */
export async function enterCluster(
  { server, token, caCertHash, nodeName }: Pass,
  { limitMs = startLimitMs }: { limitMs?: number } = {},
): Promise<ClusterEntry> {
  if (parseBootstrapToken(token) === undefined)
    throw new Refusal(
      '--token: must be six characters, a dot and sixteen, such as abcdef.0123456789abcdef; nothing was changed',
    )
  // The address that was given leads there from this host; the one that the cluster knows itself by need not.
  const serverUrl = `https://${server}`
  const open = (ca: string) => new TlsTransport({ server: serverUrl, ca, token })
  const { caCert, settings } = await untilStarted(limitMs, async () => {
    const found = await discoverCluster(server, caCertHash)
    return { caCert: found.caCert, settings: await using(open(found.caCert), readClusterSettings) }
  }).catch(refuse)
  const options = {
    ...{ signerName: clientSigner, usages: ['digital signature', 'client auth'], timeoutMs: certificateLimitMs },
    ...nodeSubject(nodeName),
  }
  return {
    ...{ caCert, serverUrl, settings },
    requestClient: (signal) => using(open(caCert), (client) => requestCertificate(client, { ...options, signal })),
  }
}

async function untilStarted<T>(limitMs: number, act: () => Promise<T>): Promise<T> {
  const endMs = performance.now() + limitMs
  for (let isTold = false; ; isTold = true) {
    try {
      return await act()
    } catch (error) {
      if (!mayBeStarting(error) || performance.now() >= endMs) throw error
      if (!isTold) tell(`${messageOf(error)}\n          trying again for ${limitMs / 1000} s`)
    }
    await sleep(1_000)
  }
}

function refuse(error: unknown): never {
  const why = isUnauthorized(error)
    ? 'the cluster does not take this token: it is wrong, has ended, or was deleted. `fairlead token create --print-join-command` on the control plane makes a new one'
    : messageOf(error)
  throw new Refusal(`${why}\nNothing was changed`, { cause: error })
}

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

/** The certificate of the agent's server. */
export async function requestServing(
  client: HttpClient,
  { nodeName, addresses }: { nodeName: string; addresses: readonly string[] },
  signal: AbortSignal,
): Promise<CertificateAndKey> {
  return await requestCertificate(client, {
    ...{ signerName: servingSigner, usages: ['digital signature', 'server auth'], timeoutMs: certificateLimitMs },
    ...nodeSubject(nodeName),
    names: [nodeName, ...addresses],
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
  const { caCert, serverUrl: server } = entry
  mkdirSync(agentPkiDir, { recursive: true, mode: 0o700 })
  writeSecret(join(agentPkiDir, 'ca.crt'), caCert)
  writePair(filesOf(agentPkiDir, 'client'), { cert: client.certPem, key: client.keyPem })
  writePair(filesOf(agentPkiDir, 'server'), { cert: serving.certPem, key: serving.keyPem })
  const { commonName: user } = nodeSubject(nodeName)
  // Named rather than held, so that a renewed certificate is two files.
  const kubeconfig = formatKubeconfig({ server, caCert, user, client: filesOf('', 'client') })
  writeSecret(join(agentPkiDir, 'kubeconfig'), kubeconfig)
}
