import type { Node } from '../generated/types.ts'
import type { Resource } from './resource.ts'

export const nodes: Resource<Node> = {
  group: '',
  version: 'v1',
  kind: 'Node',
  plural: 'nodes',
  singular: 'node',
  shortNames: ['no'],
  categories: [],
  namespaced: false,
  subresources: ['status', 'proxy'],
  definition: 'io.k8s.api.core.v1.Node',
  storagePath: 'minions',
  columns: [],
}
