// The cluster's identity: an authority and the certificates of the control plane, in <data dir>/pki. Made at first start,
// made again when they end soon or name the wrong addresses, and completed when a crash cut the making short. The
// authority itself is never replaced: every node trusts it.

import { existsSync, mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { CertificateOrder } from '../../api/certificates/certificate-order.ts'
import { filesOf, type KeyPair, readPair, writePair, writeSecret } from '../../api/credentials/credential-files.ts'
import { formatKubeconfig } from '../../api/credentials/format-kubeconfig.ts'
import { mastersGroup } from '../../api/objects/known-users.ts'
import type { CertificateRequest } from './certificates.ts'
import { isCurrent } from './current.ts'

export interface PkiOptions {
  /** DNS names and addresses that clients use for the API server, beside localhost and the kubernetes Service's. */
  serverNames: readonly string[]
  /** Address of the kubernetes Service: the first of the Service range. */
  serviceAddress: string
  /** What Services are below in DNS, the kubernetes Service among them. */
  clusterDomain: string
  /** URL that goes into the administrator's kubeconfig. */
  serverUrl: string
}

export interface Pki {
  /** PEM; everybody trusts it. */
  caCert: string
  /** All names and addresses in the API server's certificate. */
  serverNames: readonly string[]
  /** The API server's own. */
  server: KeyPair
  /** The API server's towards agents. */
  agentClient: KeyPair
  /** Path of the administrator's kubeconfig. */
  adminKubeconfig: string
}

/** The name by which agents know the API server. */
const apiServerClientName = 'kube-apiserver-kubelet-client'

/** Reads what is there and makes what is missing. Idempotent. */
export async function ensurePki(dataDir: string, options: PkiOptions): Promise<Pki> {
  const directory = join(dataDir, 'pki')
  mkdirSync(directory, { recursive: true, mode: 0o700 })
  const authority = await ensureAuthority(directory)
  const ensure = (name: string, request: CertificateRequest) => ensurePair(directory, name, authority, request)
  const names = serverNames(options)
  const server = await ensure('server', { commonName: 'kube-apiserver', usage: 'server', names })
  const agentClient = await ensure('agent-client', { commonName: apiServerClientName, usage: 'client' })
  const admin = await ensure('admin', {
    commonName: 'kubernetes-admin',
    organizations: [mastersGroup],
    usage: 'client',
  })
  const adminKubeconfig = join(dataDir, 'admin.kubeconfig')
  const text = formatKubeconfig({
    server: options.serverUrl,
    caCert: authority.cert,
    user: 'kubernetes-admin',
    client: admin,
  })
  if (!existsSync(adminKubeconfig) || readFileSync(adminKubeconfig, 'utf8') !== text) writeSecret(adminKubeconfig, text)
  return { caCert: authority.cert, serverNames: names, server, agentClient, adminKubeconfig }
}

/** The authority in <data dir>/pki; throws when there is none. */
export function readAuthority(dataDir: string): KeyPair {
  const authority = readPair(filesOf(join(dataDir, 'pki'), 'ca'))
  if (authority === undefined)
    throw new Error(`${join(dataDir, 'pki')} has no ca.crt and ca.key: start the control plane on this data dir first`)
  return authority
}

/** Signs as the authority in <data dir>/pki; returns the certificate in PEM. */
export async function signAsAuthority(dataDir: string, order: CertificateOrder): Promise<string> {
  const { signCertificate } = await import('./certificates.ts')
  return await signCertificate(readAuthority(dataDir), order)
}

/** Makes or keeps one pair below a directory. */
export async function ensurePair(
  directory: string,
  name: string,
  authority: KeyPair,
  request: CertificateRequest,
): Promise<KeyPair> {
  const files = filesOf(directory, name)
  const present = readPair(files)
  if (present !== undefined && isCurrent(present, authority.cert, request.names ?? [])) return present
  const { issueCertificate } = await import('./certificates.ts')
  const pair = await issueCertificate(authority, request)
  writePair(files, pair)
  return pair
}

async function ensureAuthority(directory: string): Promise<KeyPair> {
  const files = filesOf(directory, 'ca')
  const present = readPair(files)
  if (present !== undefined) return present
  // The certificate takes its place last: once it is there, others may have been signed by it.
  if (existsSync(join(directory, 'ca.crt')) || existsSync(join(directory, 'server.crt')))
    throw new Error(`ca.crt and ca.key in ${directory} do not belong together: restore them from a copy`)
  const { makeAuthority } = await import('./certificates.ts')
  const authority = await makeAuthority('kubernetes')
  writePair(files, authority)
  return authority
}

function serverNames({ serverNames, serviceAddress, clusterDomain }: PkiOptions): string[] {
  const inCluster = 'kubernetes.default.svc'
  const service = ['kubernetes', 'kubernetes.default', inCluster, `${inCluster}.${clusterDomain}`]
  return [...new Set(['127.0.0.1', '::1', 'localhost', ...service, serviceAddress, ...serverNames])]
}
