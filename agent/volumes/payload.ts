// Files that a configMap, secret, downwardAPI or projected volume consists of. Reads objects, writes nothing.

import type {
  ConfigMap,
  DownwardAPIVolumeFile,
  KeyToPath,
  Pod,
  Secret,
  ServiceAccountTokenProjection,
  Volume,
  VolumeProjection,
} from '../../api/generated/types.ts'
import type { Stored } from '../../api/objects/object.ts'
import { isForbidden, isNotFound } from '../../api/objects/status-error.ts'
import { type DownwardFacts, readField, readResource } from './downward.ts'
import { ConfigError, type ObjectSource } from './objects.ts'
import { tokenAccess } from './token-access.ts'

/** Path below the volume's root -> content and permission bits. */
export type Payload = Map<string, PayloadFile>

/** One file of a volume. */
export interface PayloadFile {
  data: Buffer
  mode: number
  /** Uid; root if absent. */
  owner?: number
}

export interface PayloadInput {
  pod: Stored<Pod>
  objects: ObjectSource
  facts: DownwardFacts
}

const defaultTokenSeconds = 3607

/** True for volumes that are made of a payload. */
export function hasPayload({ configMap, secret, downwardAPI, projected }: Volume): boolean {
  return (configMap ?? secret ?? downwardAPI ?? projected) !== undefined
}

/** Throws ConfigError when something that is not optional is missing. */
export async function makePayload(input: PayloadInput, volume: Volume): Promise<Payload> {
  const { configMap, secret, downwardAPI, projected } = volume
  const mode = (configMap ?? secret ?? downwardAPI ?? projected)?.defaultMode ?? 0o644
  if (configMap !== undefined) return await project(input, { configMap }, mode)
  if (secret !== undefined) {
    const { secretName = '', items, optional } = secret
    return await project(input, { secret: { name: secretName, items, optional } }, mode)
  }
  if (downwardAPI !== undefined) return await project(input, { downwardAPI }, mode)
  const parts = await Promise.all((projected?.sources ?? []).map((source) => project(input, source, mode)))
  return new Map(parts.flatMap((part) => [...part]))
}

async function project(input: PayloadInput, source: VolumeProjection, mode: number): Promise<Payload> {
  const namespace = input.pod.metadata.namespace ?? 'default'
  if (source.configMap !== undefined) {
    const { name = '', items, optional } = source.configMap
    const found = await input.objects.configMap(namespace, name)
    return selectKeys(`configmap "${name}"`, found && configMapFiles(found), items, optional, mode)
  }
  if (source.secret !== undefined) {
    const { name = '', items, optional } = source.secret
    const found = await input.objects.secret(namespace, name)
    return selectKeys(`secret "${name}"`, found && secretFiles(found), items, optional, mode)
  }
  if (source.downwardAPI !== undefined)
    return new Map((source.downwardAPI.items ?? []).map((item) => downwardFile(input, item, mode)))
  if (source.serviceAccountToken !== undefined) return await tokenFile(input, source.serviceAccountToken, mode)
  throw new ConfigError('this source of a projected volume is not supported yet')
}

const configMapFiles = ({ data = {}, binaryData = {} }: Stored<ConfigMap>) =>
  new Map([
    ...Object.entries(data).map(([key, text]) => [key, Buffer.from(text)] as const),
    ...Object.entries(binaryData).map(([key, base64]) => [key, Buffer.from(base64, 'base64')] as const),
  ])

const secretFiles = ({ data = {} }: Stored<Secret>) =>
  new Map(Object.entries(data).map(([key, base64]) => [key, Buffer.from(base64, 'base64')]))

function selectKeys(
  owner: string,
  files: Map<string, Buffer> | undefined,
  items: KeyToPath[] | undefined,
  optional: boolean | undefined,
  defaultMode: number,
): Payload {
  if (files === undefined && optional !== true) throw new ConfigError(`${owner} not found`)
  const known = files ?? new Map<string, Buffer>()
  const wanted: KeyToPath[] = items ?? [...known.keys()].map((key) => ({ key, path: key }))
  const payload: Payload = new Map()
  for (const { key, path, mode = defaultMode } of wanted) {
    const data = known.get(key)
    if (data !== undefined) payload.set(validatePath(path), { data, mode })
    else if (optional !== true) throw new ConfigError(`${owner} references non-existent config key: ${key}`)
  }
  return payload
}

function downwardFile(
  { pod, facts }: PayloadInput,
  { path, fieldRef, resourceFieldRef, mode }: DownwardAPIVolumeFile,
  defaultMode: number,
): [string, PayloadFile] {
  const text = fieldRef
    ? readField(pod, fieldRef.fieldPath, facts)
    : resourceFieldRef
      ? readResource(pod, resourceFieldRef, undefined, facts)
      : ''
  return [validatePath(path), { data: Buffer.from(text), mode: mode ?? defaultMode }]
}

async function tokenFile(
  { pod, objects }: PayloadInput,
  { path, audience, expirationSeconds = defaultTokenSeconds }: ServiceAccountTokenProjection,
  mode: number,
): Promise<Payload> {
  const { name, uid, namespace = 'default' } = pod.metadata
  const serviceAccountName = pod.spec.serviceAccountName || 'default'
  const request = { namespace, serviceAccountName, audience, expirationSeconds, pod: { name, uid } }
  try {
    const { token } = await objects.serviceAccountToken(request)
    return new Map([[validatePath(path), { data: Buffer.from(token), ...tokenAccess(pod, mode) }]])
  } catch (error) {
    if (!isNotFound(error) && !isForbidden(error)) throw error
    const why = `the API server gives no token for service account ${namespace}/${serviceAccountName}`
    throw new ConfigError(`${why}: ${error.message}`, { cause: error })
  }
}

/** The API server refuses such paths too; here they would leave the volume. */
function validatePath(path: string): string {
  if (path === '' || path.startsWith('/') || path.startsWith('..') || path.split('/').includes('..'))
    throw new ConfigError(`invalid path ${JSON.stringify(path)} in a volume: must be relative, without ".."`)
  return path
}
