// Bootstrap tokens: "abcdef.0123456789abcdef", an id that may be seen and a secret that may not. A Secret holds each.
// https://kubernetes.io/docs/reference/access-authn-authz/bootstrap-tokens/

import { randomInt } from 'node:crypto'
import type { Secret } from '../../generated/types.ts'

/** What a host shows that may join. */
export interface BootstrapToken {
  /** Six characters; names the Secret and the user, system:bootstrap:ID. */
  id: string
  /** Sixteen characters; never to be logged. */
  secret: string
  /** "ID.SECRET": what is typed and sent. Never to be logged. */
  token: string
}

/** The type of a Secret that holds a token, and where it lies. */
export const bootstrapTokenType = 'bootstrap.kubernetes.io/token'
export const bootstrapTokenNamespace = 'kube-system'
const namePrefix = 'bootstrap-token-'
const alphabet = 'abcdefghijklmnopqrstuvwxyz0123456789'

/** A new token, of 82 random bits beside its id. */
export function makeBootstrapToken(): BootstrapToken {
  const pick = (length: number) => Array.from({ length }, () => alphabet[randomInt(alphabet.length)]).join('')
  const [id, secret] = [pick(6), pick(16)]
  return { id, secret, token: `${id}.${secret}` }
}

/** The parts of a token; undefined for text that is none. */
export function parseBootstrapToken(token: string): BootstrapToken | undefined {
  const [, id, secret] = /^([a-z0-9]{6})\.([a-z0-9]{16})$/.exec(token) ?? []
  return id === undefined || secret === undefined ? undefined : { id, secret, token }
}

/** The name of the Secret in kube-system that holds the token of this id. */
export function bootstrapSecretName(id: string): string {
  return namePrefix + id
}

export interface BootstrapSecretOptions {
  /** When the token ends; absent: never. */
  expires?: Date
  /** For people. */
  description?: string
}

/** The Secret that makes a token count once it is created: hosts that show it may join. */
export function makeBootstrapSecret(
  { id, secret }: BootstrapToken,
  { expires, description }: BootstrapSecretOptions = {},
): Secret {
  return {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: bootstrapSecretName(id), namespace: bootstrapTokenNamespace },
    type: bootstrapTokenType,
    stringData: {
      'token-id': id,
      'token-secret': secret,
      'usage-bootstrap-authentication': 'true',
      ...(expires !== undefined && { expiration: `${expires.toISOString().slice(0, 19)}Z` }),
      ...(description !== undefined && { description }),
    },
  }
}
