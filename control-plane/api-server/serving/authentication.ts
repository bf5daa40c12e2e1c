// Who asks: the subject of the connection's client certificate, once the handshake has checked that our authority signed
// it (CN is the user, each O a group), or else the service account that a bearer token was issued for.
// https://kubernetes.io/docs/reference/access-authn-authz/authentication/

import type { TLSSocket } from 'node:tls'
import { unauthorized } from '../../../api/objects/status-error.ts'
import { anonymous, type User } from '../exchange.ts'

const authenticated = 'system:authenticated'
/** Who is at the other end, and until when their certificate counts, in milliseconds since the epoch. */
interface Holder {
  user: User
  untilMs: number
}

const known = new WeakMap<TLSSocket, Holder>()

/** Who holds a token; undefined for one that does not count. */
export type AuthenticateToken = (token: string) => Promise<User | undefined>

/** Throws Unauthorized for credentials that do not count: a bad token does not make a client anonymous. */
export async function authenticate(
  socket: TLSSocket,
  authorization: string | undefined,
  authenticateToken: AuthenticateToken,
): Promise<User> {
  const found = known.get(socket) ?? readCertificate(socket)
  known.set(socket, found)
  // A connection may last longer than the certificate that it began with.
  if (found.untilMs < Date.now()) throw unauthorized()
  const { user } = found
  if (user !== anonymous || authorization === undefined) return user
  const [, token] = /^Bearer +(\S+) *$/i.exec(authorization) ?? []
  const holder = token === undefined ? undefined : await authenticateToken(token)
  if (holder === undefined) throw unauthorized()
  return holder
}

function readCertificate(socket: TLSSocket): Holder {
  const certificate = socket.getPeerX509Certificate()
  if (certificate === undefined) return { user: anonymous, untilMs: Number.POSITIVE_INFINITY }
  if (!socket.authorized) throw unauthorized()
  const { name, groups } = parseSubject(certificate.subject ?? '')
  if (name === '') throw unauthorized()
  return { user: { name, groups: [...groups, authenticated] }, untilMs: certificate.validToDate.getTime() }
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
