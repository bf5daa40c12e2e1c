import type { Secret } from '../generated/types.ts'
import type { Resource } from './resource.ts'

export const secrets: Resource<Secret> = {
  group: '',
  version: 'v1',
  kind: 'Secret',
  plural: 'secrets',
  singular: 'secret',
  shortNames: [],
  categories: [],
  namespaced: true,
  subresources: [],
  definition: 'io.k8s.api.core.v1.Secret',
  storagePath: 'secrets',
  columns: [],
}
