import type { Node } from '../generated/types.ts'
import { keepAllButStatus, keepStatus } from './doors.ts'
import { nodeColumns } from './node-columns.ts'
import { validateNode, validateNodeUpdate } from './node-rules.ts'
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
  setDefaults(node) {
    node.spec ??= {}
    node.status ??= {}
    const { spec } = node
    if (spec.podCIDR) spec.podCIDRs ??= [spec.podCIDR]
    const [first] = spec.podCIDRs ?? []
    if (first !== undefined) spec.podCIDR ||= first
  },
  prepareForUpdate: keepStatus,
  prepareForStatusUpdate: keepAllButStatus,
  validate: validateNode,
  validateUpdate: validateNodeUpdate,
  columns: nodeColumns,
  selectableFields: { 'spec.unschedulable': ({ spec }) => String(spec.unschedulable === true) },
}
