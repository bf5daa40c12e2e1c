// From a bootstrap token to a user, who may join and little else. What counts is a Secret in kube-system of the token's id,
// as long as it is there, not expired, and made for this.
// https://kubernetes.io/docs/reference/access-authn-authz/bootstrap-tokens/#bootstrap-token-secret-format

import { createHash, timingSafeEqual } from 'node:crypto'
import {
  type BootstrapToken,
  bootstrapSecretName,
  bootstrapTokenNamespace,
  bootstrapTokenType,
} from '../../../api/client/join/bootstrap-token.ts'
import type { Secret } from '../../../api/generated/types.ts'
import { bootstrappersGroup } from '../../../api/objects/known-users.ts'
import { secrets } from '../../../api/resources/secrets.ts'
import type { ClusterReader } from '../admission/admission.ts'
import type { User } from '../exchange.ts'

const groupPattern = /^system:bootstrappers:[a-z0-9:-]{0,255}[a-z0-9]$/

/** The holder of a token; undefined when there is no such token, or it does not count any more. */
export async function authenticateBootstrapToken(
  cluster: ClusterReader,
  token: BootstrapToken,
  nowMs: number,
): Promise<User | undefined> {
  const name = { namespace: bootstrapTokenNamespace, name: bootstrapSecretName(token.id) }
  const secret = (await cluster.find(secrets, name)) as Secret | undefined
  // Compared in any case, so that time does not tell which ids there are.
  const isSame = isEqual(fieldOf(secret, 'token-secret'), token.secret)
  if (secret === undefined || !isSame || !counts(secret, token.id, nowMs)) return undefined
  const groups = extraGroups(secret)
  if (groups === undefined) return undefined
  return {
    name: `system:bootstrap:${token.id}`,
    groups: [...new Set([bootstrappersGroup, ...groups, 'system:authenticated'])],
  }
}

function counts(secret: Secret, id: string, nowMs: number): boolean {
  const expiration = fieldOf(secret, 'expiration')
  return (
    secret.type === bootstrapTokenType &&
    secret.metadata?.deletionTimestamp === undefined &&
    fieldOf(secret, 'token-id') === id &&
    fieldOf(secret, 'usage-bootstrap-authentication') === 'true' &&
    // A date that cannot be read is none that lies ahead.
    (expiration === '' || Date.parse(expiration) > nowMs)
  )
}

/** undefined when one of them is of another kind: such a Secret is of no use. */
function extraGroups(secret: Secret): string[] | undefined {
  const text = fieldOf(secret, 'auth-extra-groups')
  const groups = text === '' ? [] : text.split(',').map((group) => group.trim())
  return groups.every((group) => groupPattern.test(group)) ? groups : undefined
}

function fieldOf(secret: Secret | undefined, field: string): string {
  return Buffer.from(secret?.data?.[field] ?? '', 'base64').toString('utf8')
}

/** In a time that tells nothing of either, not even their lengths. */
function isEqual(a: string, b: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest()
  return timingSafeEqual(digest(a), digest(b))
}
