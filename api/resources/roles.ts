import type { Role } from '../generated/types.ts'
import { whyNotPathSegment } from '../objects/names.ts'
import { roleColumns } from './access-columns.ts'
import { accessGroup, validateRole } from './access-rules.ts'
import type { Resource } from './resource.ts'

export const roles: Resource<Role> = {
  group: accessGroup,
  version: 'v1',
  kind: 'Role',
  plural: 'roles',
  singular: 'role',
  shortNames: [],
  categories: [],
  namespaced: true,
  subresources: [],
  definition: 'io.k8s.api.rbac.v1.Role',
  storagePath: 'roles',
  whyNotName: whyNotPathSegment,
  validate: validateRole,
  columns: roleColumns,
}
