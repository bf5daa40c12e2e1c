import type { ClusterRoleBinding } from '../generated/types.ts'
import { whyNotPathSegment } from '../objects/names.ts'
import { bindingColumns } from './access-columns.ts'
import { accessGroup, setBindingDefaults, validateClusterRoleBinding, validateSameRole } from './access-rules.ts'
import type { Resource } from './resource.ts'

export const clusterRoleBindings: Resource<ClusterRoleBinding> = {
  group: accessGroup,
  version: 'v1',
  kind: 'ClusterRoleBinding',
  plural: 'clusterrolebindings',
  singular: 'clusterrolebinding',
  shortNames: [],
  categories: [],
  namespaced: false,
  subresources: [],
  definition: 'io.k8s.api.rbac.v1.ClusterRoleBinding',
  storagePath: 'clusterrolebindings',
  whyNotName: whyNotPathSegment,
  setDefaults: setBindingDefaults,
  validate: validateClusterRoleBinding,
  validateUpdate: validateSameRole,
  columns: bindingColumns,
}
