import type { Deployment } from '../generated/types.ts'
import { ageColumn, nameColumn, workloadColumns } from './cells.ts'
import { validateDeployment } from './deployment-rules.ts'
import { keepAllButStatus, keepStatusAndCount, startGeneration } from './doors.ts'
import { setPodSpecDefaults } from './pod-spec/defaults.ts'
import type { Resource } from './resource.ts'
import { validateSelectorUpdate } from './workload-rules.ts'

export const deployments: Resource<Deployment> = {
  group: 'apps',
  version: 'v1',
  kind: 'Deployment',
  plural: 'deployments',
  singular: 'deployment',
  shortNames: ['deploy'],
  categories: ['all'],
  namespaced: true,
  subresources: ['status', 'scale'],
  definition: 'io.k8s.api.apps.v1.Deployment',
  storagePath: 'deployments',
  setDefaults({ spec }) {
    if (spec === undefined) return
    spec.replicas ??= 1
    spec.revisionHistoryLimit ??= 10
    spec.progressDeadlineSeconds ??= 600
    spec.strategy ??= {}
    spec.strategy.type ??= 'RollingUpdate'
    if (spec.strategy.type === 'RollingUpdate') {
      spec.strategy.rollingUpdate = { maxSurge: '25%', maxUnavailable: '25%', ...spec.strategy.rollingUpdate }
    }
    if (spec.template?.spec !== undefined) setPodSpecDefaults(spec.template.spec)
  },
  prepareForCreate(deployment) {
    startGeneration(deployment)
    deployment.status = {}
  },
  prepareForUpdate: keepStatusAndCount,
  prepareForStatusUpdate: keepAllButStatus,
  validate: validateDeployment,
  validateUpdate: ({ spec }, old) => validateSelectorUpdate(spec, old.spec),
  columns: [
    nameColumn,
    {
      name: 'Ready',
      type: 'string',
      description: 'Ready pods of wanted pods.',
      cell: ({ spec, status }) => `${status?.readyReplicas ?? 0}/${spec.replicas ?? 0}`,
    },
    {
      name: 'Up-to-date',
      type: 'integer',
      description: 'Pods of the current template.',
      cell: ({ status }) => status?.updatedReplicas ?? 0,
    },
    {
      name: 'Available',
      type: 'integer',
      description: 'Pods ready for minReadySeconds.',
      cell: ({ status }) => status?.availableReplicas ?? 0,
    },
    ageColumn,
    ...workloadColumns<Deployment>(
      ({ spec }) => spec.template.spec,
      ({ spec }) => spec.selector,
    ),
  ],
}
