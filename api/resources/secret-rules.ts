import type { Secret } from '../generated/types.ts'
import { immutable, invalidValue, required } from '../objects/field-errors.ts'
import type { Stored } from '../objects/object.ts'
import type { FieldError } from '../objects/status-error.ts'
import { validateConfigData, validateImmutability } from './config-data-rules.ts'

/** Keys that a type of secret cannot do without. */
const requiredKeys: Readonly<Record<string, readonly string[]>> = {
  'kubernetes.io/tls': ['tls.crt', 'tls.key'],
  'kubernetes.io/dockercfg': ['.dockercfg'],
  'kubernetes.io/dockerconfigjson': ['.dockerconfigjson'],
  'kubernetes.io/ssh-auth': ['ssh-privatekey'],
}

/** All that is wrong with a Secret. */
export function validateSecret(secret: Secret): FieldError[] {
  const { type = '', data = {} } = secret
  const missing = (requiredKeys[type] ?? []).filter((key) => !Object.hasOwn(data, key))
  return [
    ...validateConfigData(secret, 'base64'),
    ...missing.map((key) => required(`data[${key}]`)),
    ...validateBasicAuth(type, data),
    ...validateToken(secret),
    ...['.dockercfg', '.dockerconfigjson']
      .filter((key) => requiredKeys[type]?.includes(key))
      .flatMap((key) => mustBeJson(data, key)),
  ]
}

/** The type never changes, nor does anything once the secret says so. */
export function validateSecretUpdate(secret: Secret, old: Stored<Secret>): FieldError[] {
  return [...(secret.type === old.type ? [] : [immutable('type', secret.type)]), ...validateImmutability(secret, old)]
}

function validateBasicAuth(type: string, data: Record<string, string>): FieldError[] {
  const hasSome = Object.hasOwn(data, 'username') || Object.hasOwn(data, 'password')
  return type !== 'kubernetes.io/basic-auth' || hasSome ? [] : [required('data[username]'), required('data[password]')]
}

function validateToken({ type, metadata }: Secret): FieldError[] {
  const annotation = 'kubernetes.io/service-account.name'
  if (type !== 'kubernetes.io/service-account-token' || metadata?.annotations?.[annotation]) return []
  return [required(`metadata.annotations[${annotation}]`)]
}

/** The value is secret, so the message does not quote it. */
function mustBeJson(data: Record<string, string>, key: string): FieldError[] {
  const encoded = data[key]
  if (encoded === undefined) return []
  try {
    JSON.parse(Buffer.from(encoded, 'base64').toString())
    return []
  } catch {
    // Not JSON is all there is to know; the parser's message would quote the secret.
    return [invalidValue(`data[${key}]`, '<secret contents redacted>', 'must be JSON')]
  }
}
