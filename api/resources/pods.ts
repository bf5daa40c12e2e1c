import type { Pod } from '../generated/types.ts'
import type { Resource } from './resource.ts'

export const pods: Resource<Pod> = {
  group: '',
  version: 'v1',
  kind: 'Pod',
  plural: 'pods',
  singular: 'pod',
  shortNames: ['po'],
  categories: ['all'],
  namespaced: true,
  subresources: [
    'status',
    'binding',
    'eviction',
    'log',
    'exec',
    'attach',
    'portforward',
    'proxy',
    'ephemeralcontainers',
    'resize',
  ],
  definition: 'io.k8s.api.core.v1.Pod',
  storagePath: 'pods',
  columns: [],
}
