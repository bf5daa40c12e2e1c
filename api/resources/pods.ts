import type { Pod } from '../generated/types.ts'
import { keepAllButStatus, keepStatusAndCount, startGeneration } from './doors.ts'
import { podColumns, podFields } from './pod-columns.ts'
import { admitPod } from './pod-spec/admission.ts'
import { setPodSpecDefaults } from './pod-spec/defaults.ts'
import { qosClassOf } from './pod-spec/quality-of-service.ts'
import { validatePodSpecUpdate } from './pod-spec/update.ts'
import { validatePodSpec } from './pod-spec/validate.ts'
import { validatePodStatus } from './pod-status-rules.ts'
import type { Resource } from './resource.ts'

export const pods: Resource<Pod> = {
  group: '',
  version: 'v1',
  kind: 'Pod',
  plural: 'pods',
  singular: 'pod',
  shortNames: ['po'],
  categories: ['all'],
  namespaced: true,
  subresources: ['status', 'binding', 'eviction', 'log', 'exec', 'attach', 'portforward', 'proxy'],
  definition: 'io.k8s.api.core.v1.Pod',
  storagePath: 'pods',
  setDefaults(pod) {
    if (pod.spec !== undefined) setPodSpecDefaults(pod.spec)
  },
  prepareForCreate(pod) {
    startGeneration(pod)
    admitPod(pod)
    if (pod.spec !== undefined) pod.status = { phase: 'Pending', qosClass: qosClassOf(pod.spec) }
  },
  prepareForUpdate: keepStatusAndCount,
  prepareForStatusUpdate: keepAllButStatus,
  validate: ({ spec }) => validatePodSpec(spec, 'spec'),
  validateUpdate: ({ spec }, old) => (spec === undefined ? [] : validatePodSpecUpdate(spec, old.spec)),
  validateStatusUpdate: ({ status }) => validatePodStatus(status),
  columns: podColumns,
  selectableFields: podFields,
}
