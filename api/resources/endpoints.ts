import type { Endpoints } from '../generated/types.ts'
import type { Resource } from './resource.ts'

export const endpoints: Resource<Endpoints> = {
  group: '',
  version: 'v1',
  kind: 'Endpoints',
  plural: 'endpoints',
  singular: 'endpoints',
  shortNames: ['ep'],
  categories: [],
  namespaced: true,
  subresources: [],
  definition: 'io.k8s.api.core.v1.Endpoints',
  storagePath: 'services/endpoints',
  columns: [],
}
