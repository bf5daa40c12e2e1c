import type { EndpointSlice } from '../generated/types.ts'
import type { Resource } from './resource.ts'

export const endpointSlices: Resource<EndpointSlice> = {
  group: 'discovery.k8s.io',
  version: 'v1',
  kind: 'EndpointSlice',
  plural: 'endpointslices',
  singular: 'endpointslice',
  shortNames: [],
  categories: [],
  namespaced: true,
  subresources: [],
  definition: 'io.k8s.api.discovery.v1.EndpointSlice',
  storagePath: 'endpointslices',
  columns: [],
}
