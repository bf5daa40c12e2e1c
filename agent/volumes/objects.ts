// What volumes and environments need of the cluster's ConfigMaps and Secrets.

import type { ConfigMap, Secret } from '../../api/generated/types.ts'
import type { Stored } from '../../api/objects/object.ts'

/** Reads objects that a pod refers to. Undefined: the cluster has none of that name. Throws when it cannot be asked. */
export interface ObjectSource {
  configMap(namespace: string, name: string): Promise<Stored<ConfigMap> | undefined>
  secret(namespace: string, name: string): Promise<Stored<Secret> | undefined>
  /** A token of the pod's service account. Throws a StatusError when the server gives none. */
  serviceAccountToken(request: TokenRequest): Promise<{ token: string; expiresAtMs: number }>
}

export interface TokenRequest {
  namespace: string
  serviceAccountName: string
  audience?: string
  expirationSeconds: number
  pod: { name: string; uid: string }
}

/** Something that the pod asks for cannot be had as it is asked; the user must see why. */
export class ConfigError extends Error {
  readonly code = 'POD_CONFIG'
}

/** True for what a change of the pod or of an object it refers to would mend. */
export function isConfigError(error: unknown): error is ConfigError {
  return error instanceof ConfigError
}
