// What a deployment writes on its replica sets beside their specs, in Kubernetes' words: kubectl rollout reads them.

import type { Deployment, ReplicaSet } from '../../../api/generated/types.ts'
import type { Stored } from '../../../api/objects/object.ts'
import { resolveLimits } from './limits.ts'

const prefix = 'deployment.kubernetes.io'
/** Counts the templates a deployment has had; on the deployment, that of the newest. */
export const revisionKey = `${prefix}/revision`
const historyKey = `${prefix}/revision-history`
const desiredKey = `${prefix}/desired-replicas`
const maxKey = `${prefix}/max-replicas`

/** These stay where they are; all others of a deployment, such as kubernetes.io/change-cause, go to its newest replica set. */
const ownKeys = new Set([
  'kubectl.kubernetes.io/last-applied-configuration',
  revisionKey,
  historyKey,
  desiredKey,
  maxKey,
  'deprecated.deployment.rollback.to',
])

type Annotations = Record<string, string>

/** The revision a replica set has, 0 if none. */
export function revisionOf({ metadata }: Stored<ReplicaSet>): number {
  return Number(metadata.annotations?.[revisionKey] ?? 0)
}

/** The deployment's size when the replica set was last scaled, or undefined. */
export function desiredOf({ metadata }: Stored<ReplicaSet>): number | undefined {
  return readCount(metadata.annotations, desiredKey)
}

/** The deployment's size with surge when the replica set was last scaled, or undefined. */
export function maxOf({ metadata }: Stored<ReplicaSet>): number | undefined {
  return readCount(metadata.annotations, maxKey)
}

/** Annotations that a replica set gets whenever it is scaled. */
export function sizeAnnotations({ spec }: Stored<Deployment>): Annotations {
  const replicas = spec.replicas ?? 1
  const max = spec.strategy?.type === 'Recreate' ? replicas : replicas + resolveLimits(spec).maxSurge
  return { [desiredKey]: String(replicas), [maxKey]: String(max) }
}

/** Annotations of the replica set with the deployment's present template. */
export function newestAnnotations(
  deployment: Stored<Deployment>,
  present: Annotations | undefined,
  revision: number,
): Annotations {
  const copied = Object.entries(deployment.metadata.annotations ?? {}).filter(([key]) => !ownKeys.has(key))
  const before = present?.[revisionKey]
  const annotations: Annotations = { ...present, ...Object.fromEntries(copied) }
  if (before !== undefined && Number(before) >= revision) return annotations
  const history = [present?.[historyKey], before].filter((text) => text !== undefined && text !== '')
  return {
    ...annotations,
    [revisionKey]: String(revision),
    ...(history.length > 0 && { [historyKey]: history.join(',') }),
  }
}

function readCount(annotations: Annotations | undefined, key: string): number | undefined {
  const text = annotations?.[key]
  return text !== undefined && /^\d+$/.test(text) ? Number(text) : undefined
}
