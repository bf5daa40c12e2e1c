import type { RoleBinding } from '../generated/types.ts'
import { whyNotPathSegment } from '../objects/names.ts'
import { bindingColumns } from './access-columns.ts'
import { accessGroup, setBindingDefaults, validateRoleBinding, validateSameRole } from './access-rules.ts'
import type { Resource } from './resource.ts'

export const roleBindings: Resource<RoleBinding> = {
  group: accessGroup,
  version: 'v1',
  kind: 'RoleBinding',
  plural: 'rolebindings',
  singular: 'rolebinding',
  shortNames: [],
  categories: [],
  namespaced: true,
  subresources: [],
  definition: 'io.k8s.api.rbac.v1.RoleBinding',
  storagePath: 'rolebindings',
  whyNotName: whyNotPathSegment,
  setDefaults: setBindingDefaults,
  validate: validateRoleBinding,
  validateUpdate: validateSameRole,
  columns: bindingColumns,
}
