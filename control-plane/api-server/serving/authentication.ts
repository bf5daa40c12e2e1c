// Who a connection's other end is: the subject of its client certificate, once the handshake has checked that our
// authority signed it. CN is the user, each O a group, as Kubernetes has it.
// https://kubernetes.io/docs/reference/access-authn-authz/authentication/#x509-client-certificates

import type { TLSSocket } from 'node:tls'
import { unauthorized } from '../../../api/objects/status-error.ts'
import { anonymous, type User } from '../exchange.ts'

const authenticated = 'system:authenticated'
const known = new WeakMap<TLSSocket, User>()

/** Throws Unauthorized for a certificate that is not ours, and for tokens, which nobody issues. */
export function authenticate(socket: TLSSocket, authorization: string | undefined): User {
  const user = known.get(socket) ?? readCertificate(socket)
  known.set(socket, user)
  if (user === anonymous && authorization !== undefined) throw unauthorized()
  return user
}

function readCertificate(socket: TLSSocket): User {
  const certificate = socket.getPeerX509Certificate()
  if (certificate === undefined) return anonymous
  if (!socket.authorized) throw unauthorized()
  const { name, groups } = parseSubject(certificate.subject ?? '')
  if (name === '') throw unauthorized()
  return { name, groups: [...groups, authenticated] }
}

/** Reads OpenSSL's lines "O=system:masters" and "CN=admin". */
function parseSubject(subject: string): User {
  const fields = subject.split('\n').map((line) => {
    const equals = line.indexOf('=')
    return [line.slice(0, equals), line.slice(equals + 1)]
  })
  const valuesOf = (field: string) => fields.filter(([name]) => name === field).map(([, value = '']) => value)
  return { name: valuesOf('CN')[0] ?? '', groups: valuesOf('O') }
}
