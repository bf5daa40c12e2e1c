import type { ReplicaSet } from '../generated/types.ts'
import type { Resource } from './resource.ts'

export const replicaSets: Resource<ReplicaSet> = {
  group: 'apps',
  version: 'v1',
  kind: 'ReplicaSet',
  plural: 'replicasets',
  singular: 'replicaset',
  shortNames: ['rs'],
  categories: ['all'],
  namespaced: true,
  subresources: ['status', 'scale'],
  definition: 'io.k8s.api.apps.v1.ReplicaSet',
  storagePath: 'replicasets',
  columns: [],
}
