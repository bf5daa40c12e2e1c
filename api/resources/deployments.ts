import type { Deployment } from '../generated/types.ts'
import type { Resource } from './resource.ts'

export const deployments: Resource<Deployment> = {
  group: 'apps',
  version: 'v1',
  kind: 'Deployment',
  plural: 'deployments',
  singular: 'deployment',
  shortNames: ['deploy'],
  categories: ['all'],
  namespaced: true,
  subresources: ['status', 'scale'],
  definition: 'io.k8s.api.apps.v1.Deployment',
  storagePath: 'deployments',
  columns: [],
}
