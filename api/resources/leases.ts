import type { Lease } from '../generated/types.ts'
import { ageColumn, nameColumn } from './cells.ts'
import type { Resource } from './resource.ts'
import { mustBePositive, mustNotBeNegative } from './rules.ts'

export const leases: Resource<Lease> = {
  group: 'coordination.k8s.io',
  version: 'v1',
  kind: 'Lease',
  plural: 'leases',
  singular: 'lease',
  shortNames: [],
  categories: [],
  namespaced: true,
  subresources: [],
  definition: 'io.k8s.api.coordination.v1.Lease',
  storagePath: 'leases',
  setDefaults(lease) {
    lease.spec ??= {}
  },
  validate: ({ spec }) => [
    ...mustBePositive('spec.leaseDurationSeconds', spec?.leaseDurationSeconds),
    ...mustNotBeNegative('spec.leaseTransitions', spec?.leaseTransitions),
  ],
  columns: [
    nameColumn,
    {
      name: 'Holder',
      type: 'string',
      description: 'Who holds the lease.',
      cell: ({ spec }) => spec?.holderIdentity ?? '',
    },
    ageColumn,
  ],
}
