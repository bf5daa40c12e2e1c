// How a program in a pod reaches the API server: by the Service `kubernetes`, as its service account.
// https://kubernetes.io/docs/tasks/run-application/access-api-from-pod/

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { httpsUrl } from '../objects/addresses.ts'
import type { TlsTransportOptions } from './tls-transport.ts'

const folder = '/var/run/secrets/kubernetes.io/serviceaccount'

/** Reads the pod's environment and files. Throws when this is no pod, or one without a service account token. */
export function loadInClusterConfig(
  env: Record<string, string | undefined> = process.env,
  directory: string = folder,
): TlsTransportOptions {
  const { KUBERNETES_SERVICE_HOST: host, KUBERNETES_SERVICE_PORT: port } = env
  if (host === undefined || port === undefined)
    throw new Error('KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT are not set: is this a pod?')
  // The agent replaces the file before the token ends.
  const token = () => readFileSync(join(directory, 'token'), 'utf8').trim()
  token()
  return {
    server: httpsUrl(host, Number(port)),
    ca: readFileSync(join(directory, 'ca.crt'), 'utf8'),
    token,
  }
}
