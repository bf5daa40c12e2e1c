// Who is at the other end: the certificate tells. The server talks with the API server and nobody else.

import type { IncomingMessage } from 'node:http'
import { TLSSocket } from 'node:tls'
import { StatusError, unauthorized } from '../../api/objects/status-error.ts'

/** Throws 401 without a certificate of the cluster's authority, 403 for a name that is not allowed. */
export function validateClient({ socket }: IncomingMessage, allowedClients: readonly string[]): void {
  if (!(socket instanceof TLSSocket) || !socket.authorized) throw unauthorized()
  const name = socket.getPeerCertificate().subject?.CN
  if (typeof name !== 'string' || !allowedClients.includes(name))
    throw new StatusError(403, 'Forbidden', `Forbidden (user=${name}): the agent serves the API server only`)
}
