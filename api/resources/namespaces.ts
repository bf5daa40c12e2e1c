import type { Namespace } from '../generated/types.ts'
import { whyNotDnsLabel } from '../objects/names.ts'
import { ageColumn, nameColumn } from './cells.ts'
import { keepAllButStatus, keepStatus } from './doors.ts'
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
  whyNotName: whyNotDnsLabel,
  setDefaults(namespace) {
    const name = namespace.metadata?.name
    if (name === undefined) return
    namespace.metadata = {
      ...namespace.metadata,
      labels: { ...namespace.metadata?.labels, 'kubernetes.io/metadata.name': name },
    }
  },
  prepareForCreate(namespace) {
    namespace.spec = { finalizers: [...new Set([...(namespace.spec?.finalizers ?? []), 'kubernetes'])] }
    namespace.status = { phase: 'Active' }
  },
  prepareForUpdate(namespace, old) {
    namespace.spec = old.spec
    keepStatus(namespace, old)
  },
  prepareForStatusUpdate: keepAllButStatus,
  columns: [
    nameColumn,
    {
      name: 'Status',
      type: 'string',
      description: 'Active or Terminating.',
      cell: ({ status }) => status?.phase ?? '',
    },
    ageColumn,
  ],
  selectableFields: { 'status.phase': ({ status }) => status?.phase ?? '' },
}
