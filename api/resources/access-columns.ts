// Columns of roles and bindings.

import type { ClusterRoleBinding, RoleBinding } from '../generated/types.ts'
import type { ApiObject, Stored } from '../objects/object.ts'
import { ageColumn, nameColumn } from './cells.ts'
import type { Column } from './resource.ts'

type Binding = RoleBinding | ClusterRoleBinding

/** Roles show the time itself. */
export const roleColumns: readonly Column<ApiObject>[] = [
  nameColumn,
  { name: 'Created At', type: 'string', cell: ({ metadata }) => metadata.creationTimestamp },
]

/** Which role, and with -o wide for whom. */
export const bindingColumns: readonly Column<Binding>[] = [
  nameColumn,
  { name: 'Role', type: 'string', cell: ({ roleRef }) => `${roleRef.kind}/${roleRef.name}` },
  ageColumn,
  { name: 'Users', type: 'string', priority: 1, cell: (binding) => namesOf(binding, 'User') },
  { name: 'Groups', type: 'string', priority: 1, cell: (binding) => namesOf(binding, 'Group') },
  { name: 'ServiceAccounts', type: 'string', priority: 1, cell: (binding) => namesOf(binding, 'ServiceAccount') },
]

function namesOf({ subjects = [] }: Stored<Binding>, kind: string): string {
  return subjects
    .filter((subject) => subject.kind === kind)
    .map(({ name, namespace }) => (kind === 'ServiceAccount' ? `${namespace ?? ''}/${name}` : name))
    .join(', ')
}
