import type { Service } from '../generated/types.ts'
import { whyNotDns1035Label } from '../objects/names.ts'
import { keepAllButStatus, keepStatus } from './doors.ts'
import { validateBalancerIngress } from './load-balancer-rules.ts'
import type { Resource } from './resource.ts'
import { serviceColumns } from './service-columns.ts'
import { keepClusterAddresses, setServiceDefaults } from './service-defaults.ts'
import { validateService, validateServiceUpdate } from './service-rules.ts'
import { dropFieldsOfOldType } from './service-type-change.ts'

export const services: Resource<Service> = {
  group: '',
  version: 'v1',
  kind: 'Service',
  plural: 'services',
  singular: 'service',
  shortNames: ['svc'],
  categories: ['all'],
  namespaced: true,
  subresources: ['status', 'proxy'],
  definition: 'io.k8s.api.core.v1.Service',
  storagePath: 'services/specs',
  setDefaults: setServiceDefaults,
  prepareForCreate(service) {
    service.status = { loadBalancer: {} }
  },
  prepareForUpdate(service, old) {
    keepStatus(service, old)
    dropFieldsOfOldType(service, old)
    keepClusterAddresses(service, old)
  },
  prepareForStatusUpdate: keepAllButStatus,
  whyNotName: whyNotDns1035Label,
  validate: validateService,
  validateUpdate: validateServiceUpdate,
  validateStatusUpdate: ({ status }) => validateBalancerIngress(status?.loadBalancer?.ingress),
  columns: serviceColumns,
  selectableFields: {
    'spec.clusterIP': ({ spec }) => spec.clusterIP ?? '',
    'spec.type': ({ spec }) => spec.type ?? '',
  },
}
