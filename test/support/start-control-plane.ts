import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { HttpClient } from '../../api/client/http-client.ts'
import {
  type BootstrapSecretOptions,
  type BootstrapToken,
  makeBootstrapSecret,
  makeBootstrapToken,
} from '../../api/client/join/bootstrap-token.ts'
import { TlsTransport, type TlsTransportOptions } from '../../api/client/tls-transport.ts'
import { secrets } from '../../api/resources/secrets.ts'
import { HttpsServer } from '../../control-plane/api-server/serving/https-server.ts'
import { runControllers } from '../../control-plane/controllers/manager.ts'
import { ensurePki, type Pki, signAsAuthority } from '../../control-plane/pki/pki.ts'
import { startApiServer } from './start-api-server.ts'

/** An API server on a port of 127.0.0.1, with certificates, and the controllers. */
export interface TestControlPlane {
  /** "127.0.0.1:PORT". */
  host: string
  url: string
  pki: Pki
  /** Where pki/ is. */
  dataDir: string
  /** Speaks as an administrator, without the port. */
  admin: HttpClient
  /** A client over the port; with no credentials, anonymous. Closed with the rest. */
  connect(credentials?: Partial<TlsTransportOptions>): HttpClient
  /** The pair of this name in pki/. */
  pair(name: string): { cert: string; key: string }
  /** A bootstrap token that counts from now on. */
  createToken(options?: BootstrapSecretOptions): Promise<BootstrapToken>
  close(): Promise<void>
}

export const clusterSettings = {
  clusterCidr: '10.244.0.0/16',
  serviceCidr: '10.96.0.0/16',
  clusterDns: '10.96.0.10',
  clusterDomain: 'cluster.local',
  network: 'vxlan',
  proxyMode: 'nftables',
}

/** Resolves when requests are answered; controllers may still be catching up. */
export async function startControlPlane(): Promise<TestControlPlane> {
  const dataDir = mkdtempSync(join(tmpdir(), 'fl-control-plane-'))
  const { clusterDomain } = clusterSettings
  const pkiOptions = { serverNames: [], serviceAddress: '10.96.0.1', clusterDomain, serverUrl: 'https://127.0.0.1' }
  const pki = await ensurePki(dataDir, pkiOptions)
  const stop = new AbortController()
  const log = { info() {}, warn() {}, error: console.error }
  const api = await startApiServer({ serviceCidrs: [clusterSettings.serviceCidr], leftOutAdmission: [], log })
  const { client: admin, secured: handler, authenticateToken } = api
  const upgrades = { takes: () => false, upgrade: async () => {} }
  const server = new HttpsServer({
    ...{ ...pki.server, clientCa: pki.caCert },
    ...{ authenticateToken, handler, upgrades, onError: console.error },
  })
  const host = `127.0.0.1:${(await server.listen(0, '127.0.0.1')).port}`
  const url = `https://${host}`
  const authority = { sign: (order: Parameters<typeof signAsAuthority>[1]) => signAsAuthority(dataDir, order) }
  const joining = { serverUrl: url, serverNames: pki.serverNames, settings: clusterSettings, authority }
  const clusterCidrs = [clusterSettings.clusterCidr]
  const controllers = runControllers({ client: admin, clusterCidrs, caCert: pki.caCert, joining, log }, stop.signal)
  const open: TlsTransport[] = []
  const connect = (credentials: Partial<TlsTransportOptions> = {}) => {
    const client = new TlsTransport({ server: url, ca: pki.caCert, ...credentials })
    open.push(client)
    return new HttpClient(client)
  }
  const read = (file: string) => readFileSync(join(dataDir, 'pki', file), 'utf8')
  const close = async () => {
    await Promise.all(open.map((client) => client.close()))
    stop.abort()
    await Promise.all([server.close(0), controllers])
    await api.close()
    rmSync(dataDir, { recursive: true })
  }
  const pair = (name: string) => ({ cert: read(`${name}.crt`), key: read(`${name}.key`) })
  const createToken = async (options?: BootstrapSecretOptions) => {
    const token = makeBootstrapToken()
    await admin.create(secrets, makeBootstrapSecret(token, options))
    return token
  }
  return { host, url, pki, dataDir, admin, connect, pair, createToken, close }
}
