import type { ClusterRole } from '../generated/types.ts'
import { whyNotPathSegment } from '../objects/names.ts'
import { roleColumns } from './access-columns.ts'
import { accessGroup, validateClusterRole } from './access-rules.ts'
import type { Resource } from './resource.ts'

export const clusterRoles: Resource<ClusterRole> = {
  group: accessGroup,
  version: 'v1',
  kind: 'ClusterRole',
  plural: 'clusterroles',
  singular: 'clusterrole',
  shortNames: [],
  categories: [],
  namespaced: false,
  subresources: [],
  definition: 'io.k8s.api.rbac.v1.ClusterRole',
  storagePath: 'clusterroles',
  whyNotName: whyNotPathSegment,
  validate: validateClusterRole,
  columns: roleColumns,
}
