import type { Namespace } from '../generated/types.ts'
import type { Resource } from './resource.ts'

export const namespaces: Resource<Namespace> = {
  group: '',
  version: 'v1',
  kind: 'Namespace',
  plural: 'namespaces',
  singular: 'namespace',
  shortNames: ['ns'],
  categories: [],
  namespaced: false,
  subresources: ['status', 'finalize'],
  definition: 'io.k8s.api.core.v1.Namespace',
  storagePath: 'namespaces',
  columns: [],
}
