import type { Service } from '../generated/types.ts'
import type { Resource } from './resource.ts'

export const services: Resource<Service> = {
  group: '',
  version: 'v1',
  kind: 'Service',
  plural: 'services',
  singular: 'service',
  shortNames: ['svc'],
  categories: ['all'],
  namespaced: true,
  subresources: ['status', 'proxy'],
  definition: 'io.k8s.api.core.v1.Service',
  storagePath: 'services/specs',
  columns: [],
}
