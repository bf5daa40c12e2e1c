import type { ReplicaSet } from '../generated/types.ts'
import { ageColumn, nameColumn, workloadColumns } from './cells.ts'
import { keepAllButStatus, keepStatusAndCount, startGeneration } from './doors.ts'
import { setPodSpecDefaults } from './pod-spec/defaults.ts'
import type { Resource } from './resource.ts'
import { validateSelectorUpdate, validateWorkload } from './workload-rules.ts'

export const replicaSets: Resource<ReplicaSet> = {
  group: 'apps',
  version: 'v1',
  kind: 'ReplicaSet',
  plural: 'replicasets',
  singular: 'replicaset',
  shortNames: ['rs'],
  categories: ['all'],
  namespaced: true,
  subresources: ['status', 'scale'],
  definition: 'io.k8s.api.apps.v1.ReplicaSet',
  storagePath: 'replicasets',
  setDefaults({ spec }) {
    if (spec === undefined) return
    spec.replicas ??= 1
    if (spec.template?.spec !== undefined) setPodSpecDefaults(spec.template.spec)
  },
  prepareForCreate(replicaSet) {
    startGeneration(replicaSet)
    replicaSet.status = { replicas: 0 }
  },
  prepareForUpdate: keepStatusAndCount,
  prepareForStatusUpdate: keepAllButStatus,
  validate: ({ spec }) => validateWorkload(spec, 'replicaset'),
  validateUpdate: ({ spec }, old) => validateSelectorUpdate(spec, old.spec),
  columns: [
    nameColumn,
    { name: 'Desired', type: 'integer', description: 'Wanted pods.', cell: ({ spec }) => spec.replicas ?? 0 },
    {
      name: 'Current',
      type: 'integer',
      description: 'Pods that are there.',
      cell: ({ status }) => status?.replicas ?? 0,
    },
    { name: 'Ready', type: 'integer', description: 'Ready pods.', cell: ({ status }) => status?.readyReplicas ?? 0 },
    ageColumn,
    ...workloadColumns<ReplicaSet>(
      ({ spec }) => spec.template?.spec,
      ({ spec }) => spec.selector,
    ),
  ],
  selectableFields: { 'status.replicas': ({ status }) => String(status?.replicas ?? 0) },
}
