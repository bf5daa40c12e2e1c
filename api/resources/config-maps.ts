import type { ConfigMap } from '../generated/types.ts'
import type { Resource } from './resource.ts'

export const configMaps: Resource<ConfigMap> = {
  group: '',
  version: 'v1',
  kind: 'ConfigMap',
  plural: 'configmaps',
  singular: 'configmap',
  shortNames: ['cm'],
  categories: [],
  namespaced: true,
  subresources: [],
  definition: 'io.k8s.api.core.v1.ConfigMap',
  storagePath: 'configmaps',
  columns: [],
}
