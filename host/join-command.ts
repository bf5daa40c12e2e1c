// The line that adds a host: address, a new token, the hash of the authority.

import type { HttpClient } from '../api/client/http-client.ts'
import {
  type BootstrapSecretOptions,
  makeBootstrapSecret,
  makeBootstrapToken,
} from '../api/client/join/bootstrap-token.ts'
import { hashOfAuthority } from '../api/client/join/discovery.ts'
import { loadKubeconfig } from '../api/client/kubeconfig.ts'
import { secrets } from '../api/resources/secrets.ts'
import { adminKubeconfigPath } from './paths.ts'

const dayMs = 24 * 60 * 60 * 1000

/** Creates a token; returns it. It is a secret. */
export async function createToken(client: HttpClient, options: BootstrapSecretOptions): Promise<string> {
  const token = makeBootstrapToken()
  await client.create(secrets, makeBootstrapSecret(token, options))
  return token.token
}

/** Creates a token for a day, or as said, and returns the line that shows it. */
export async function makeJoinCommand(
  client: HttpClient,
  options: BootstrapSecretOptions = { expires: new Date(Date.now() + dayMs) },
): Promise<string> {
  return formatJoinCommand(await createToken(client, options))
}

/** The line for a token that there is. */
export function formatJoinCommand(token: string): string {
  const { server, ca = '' } = loadKubeconfig(adminKubeconfigPath)
  return `fairlead join ${toHostAndPort(server)} --token ${token} --ca-cert-hash ${hashOfAuthority(ca)}`
}

/** As `join` wants it: with the port, which a URL leaves out where it is that of https. */
export function toHostAndPort(url: string): string {
  const { hostname, port } = new URL(url)
  return `${hostname}:${port || 443}`
}
