// How a host comes to trust a cluster that it knows by nothing but an address and the hash of its authority's public key.
// The first answer is read over a connection that nobody vouches for; only what the hash proves is taken from it, and the
// rest is asked again over a connection that the authority vouches for.

import { createHash, X509Certificate } from 'node:crypto'
import { parse } from 'yaml'
import type { ConfigMap } from '../../generated/types.ts'
import { isForbidden, isNotFound, StatusError } from '../../objects/status-error.ts'
import { configMaps } from '../../resources/config-maps.ts'
import { HttpClient } from '../http-client.ts'
import { TlsTransport, type TlsTransportOptions } from '../tls-transport.ts'
import { clusterInfoName } from './cluster-info.ts'

/** Milliseconds that a server may take for the whole of cluster-info. */
const limitMs = 60_000

/** A cluster whose authority was proven. */
export interface DiscoveredCluster {
  /** PEM. */
  caCert: string
  /** Where the cluster says that its API server is. */
  serverUrl: string
}

/**
 * Reads where the cluster is and whom to trust. server is "host:port", caCertHash "sha256:…" as hashOfAuthority has it. Throws
 * an Error that says what is wrong and what to do: a hash of another authority, a server that does not answer or is none of ours.
 */
export async function discoverCluster(server: string, caCertHash: string): Promise<DiscoveredCluster> {
  validateServer(server)
  validateHash(caCertHash)
  const unproven = await readClusterInfo(server, { server: `https://${server}`, insecure: true })
  const caCert = authorityIn(unproven)
  const found = hashOfAuthority(caCert)
  if (found !== caCertHash.toLowerCase())
    throw new Error(
      `the authority of ${server} has the hash ${found}, not ${caCertHash}: take the hash from the cluster that you mean ` +
        '(fairlead token create prints it); if it is right, somebody else answers at this address',
    )
  const proven = await readClusterInfo(server, { server: `https://${server}`, ca: caCert })
  return { caCert, serverUrl: proven.serverUrl }
}

/** Whether a control plane that is only starting may be the reason: nobody listens yet, or what joining hosts read is not there. */
export function mayBeStarting(error: unknown): boolean {
  const isEarly = (each: unknown) =>
    isNotFound(each) || isForbidden(each) || (each instanceof Error && 'code' in each && each.code === 'ECONNREFUSED')
  return isEarly(error) || (error instanceof Error && isEarly(error.cause))
}

/**
 * "sha256:" and the hex SHA-256 of an authority's public key (SubjectPublicKeyInfo), as kubeadm pins it too. caPem: PEM, of which
 * the first certificate counts. Throws for what is none.
 */
export function hashOfAuthority(caPem: string): string {
  const key = new X509Certificate(caPem).publicKey.export({ type: 'spki', format: 'der' })
  return `sha256:${createHash('sha256').update(key).digest('hex')}`
}

function validateServer(server: string): void {
  const url = `https://${server}`
  const isWhole = /^(\[[^\]]+\]|[^:/\s]+):\d+$/.test(server) && URL.canParse(url)
  if (!isWhole) throw new Error(`server "${server}": must be HOST:PORT, such as 10.0.0.10:6443 or [fd00::10]:6443`)
}

function validateHash(hash: string): void {
  if (!/^sha256:[0-9a-f]{64}$/i.test(hash))
    throw new Error(`CA certificate hash "${hash}": must be "sha256:" and 64 hexadecimal digits`)
}

/** What cluster-info says; nothing of it is proven by this. */
interface ClusterInfo {
  /** For messages. */
  title: string
  serverUrl: string
  /** Whatever its writer takes for certificates in PEM. */
  authorities: string
}

async function readClusterInfo(server: string, options: TlsTransportOptions): Promise<ClusterInfo> {
  const transport = new TlsTransport(options)
  const signal = AbortSignal.timeout(limitMs)
  const client = new HttpClient(transport)
  try {
    const info = await client.get(configMaps, clusterInfoName, { signal }).catch((error: unknown) => {
      throw explain(server, signal.aborted ? new Error(`no whole answer within ${limitMs / 1000} s`) : error)
    })
    return parseClusterInfo(`ConfigMap kube-public/cluster-info of ${server}`, info)
  } finally {
    await transport.close()
  }
}

function parseClusterInfo(title: string, { data = {} }: ConfigMap): ClusterInfo {
  const cluster = at(at(at(readYaml(data.kubeconfig ?? ''), 'clusters'), '0'), 'cluster')
  const [serverUrl, ca] = [at(cluster, 'server'), at(cluster, 'certificate-authority-data')]
  if (typeof serverUrl !== 'string' || typeof ca !== 'string')
    throw new Error(`${title} names no server and authority: is it of this kind?`)
  return { title, serverUrl, authorities: Buffer.from(ca, 'base64').toString('utf8') }
}

/** undefined for what is no YAML: the document is of whoever answered. */
function readYaml(text: string): unknown {
  try {
    return parse(text)
  } catch {
    return undefined
  }
}

/** The one certificate that the hash is taken of, PEM: nobody has vouched for what may be beside it. */
function authorityIn({ title, authorities }: ClusterInfo): string {
  try {
    return new X509Certificate(authorities).toString()
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause)
    throw new Error(`${title} has no certificate in its certificate-authority-data (${why}): is it of this kind?`, {
      cause,
    })
  }
}

function at(value: unknown, key: string): unknown {
  return typeof value === 'object' && value !== null ? Reflect.get(value, key) : undefined
}

function explain(server: string, error: unknown): Error {
  if (isNotFound(error) || isForbidden(error))
    return new Error(
      `${server} has no ConfigMap kube-public/cluster-info that anybody may read: it is no control plane of Fairlead, or is only starting`,
      { cause: error },
    )
  if (error instanceof StatusError) return new Error(`${server} refuses: ${error.message}`, { cause: error })
  const why = error instanceof Error ? error.message : String(error)
  return new Error(`cannot read cluster-info from ${server}: ${why}; does the control plane run there?`, {
    cause: error,
  })
}
