// Tells the replica set with the present template from the old ones, and makes it.

import type { Deployment, PodTemplateSpec, ReplicaSet } from '../../../api/generated/types.ts'
import type { Stored } from '../../../api/objects/object.ts'
import { deployments } from '../../../api/resources/deployments.ts'
import { ownerReference } from '../cluster-view.ts'
import { isSame } from '../same.ts'
import { newestAnnotations, revisionOf, sizeAnnotations } from './annotations.ts'
import { hashLabel, hashTemplate } from './template-hash.ts'

/** The replica sets of one deployment, oldest first. */
export interface Family {
  newest: Stored<ReplicaSet> | undefined
  old: Stored<ReplicaSet>[]
}

/** Sorts a deployment's replica sets. Of several with the present template, the oldest counts. */
export function toFamily(deployment: Stored<Deployment>, replicaSets: Stored<ReplicaSet>[]): Family {
  const sorted = [...replicaSets].sort(byAge)
  const newest = sorted.find(({ spec }) => isSameTemplate(spec.template, deployment.spec.template))
  return { newest, old: sorted.filter((replicaSet) => replicaSet !== newest) }
}

/** Oldest first. */
export function byAge(a: Stored<ReplicaSet>, b: Stored<ReplicaSet>): number {
  const [first, second] = [a, b].map(({ metadata }) => `${metadata.creationTimestamp} ${metadata.name}`)
  return (first ?? '') < (second ?? '') ? -1 : 1
}

/** True if both make the same pods. */
export function isSameTemplate(a: PodTemplateSpec | undefined, b: PodTemplateSpec): boolean {
  return a !== undefined && isSame(withoutHash(a), withoutHash(b))
}

/** The revision that the newest replica set has to have. */
export function newestRevision({ old }: Family): number {
  return Math.max(0, ...old.map(revisionOf)) + 1
}

/** The replica set for the present template, to be created with so many replicas. */
export function makeReplicaSet(deployment: Stored<Deployment>, family: Family, replicas: number): ReplicaSet {
  const { metadata, spec, status } = deployment
  const hash = hashTemplate(spec.template, status?.collisionCount)
  const labels = { ...spec.template.metadata?.labels, [hashLabel]: hash }
  return {
    apiVersion: 'apps/v1',
    kind: 'ReplicaSet',
    metadata: {
      name: `${metadata.name}-${hash}`,
      namespace: metadata.namespace,
      labels,
      annotations: {
        ...newestAnnotations(deployment, undefined, newestRevision(family)),
        ...sizeAnnotations(deployment),
      },
      ownerReferences: [ownerReference(deployments, deployment, true)],
    },
    spec: {
      replicas,
      ...(spec.minReadySeconds !== undefined && { minReadySeconds: spec.minReadySeconds }),
      selector: { ...spec.selector, matchLabels: { ...spec.selector.matchLabels, [hashLabel]: hash } },
      template: { ...spec.template, metadata: { ...spec.template.metadata, labels } },
    },
  }
}

function withoutHash({ metadata, spec }: PodTemplateSpec): PodTemplateSpec {
  const { creationTimestamp: _, ...meta } = metadata ?? {}
  const labels = Object.entries(meta.labels ?? {}).filter(([key]) => key !== hashLabel)
  return { metadata: { ...meta, labels: Object.fromEntries(labels) }, spec }
}
