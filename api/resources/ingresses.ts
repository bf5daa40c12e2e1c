import type { Ingress } from '../generated/types.ts'
import { ageColumn, firstThree, nameColumn, none } from './cells.ts'
import { keepAllButStatus, keepStatusAndCount, startGeneration } from './doors.ts'
import { validateIngress } from './ingress-rules.ts'
import { validateBalancerIngress } from './load-balancer-rules.ts'
import type { Resource } from './resource.ts'

/** How ingress controllers chose what is theirs before there were classes. */
const classAnnotation = 'kubernetes.io/ingress.class'

export const ingresses: Resource<Ingress> = {
  group: 'networking.k8s.io',
  version: 'v1',
  kind: 'Ingress',
  plural: 'ingresses',
  singular: 'ingress',
  shortNames: ['ing'],
  categories: [],
  namespaced: true,
  subresources: ['status'],
  definition: 'io.k8s.api.networking.v1.Ingress',
  storagePath: 'ingress',
  prepareForCreate(ingress) {
    startGeneration(ingress)
    ingress.status = { loadBalancer: {} }
  },
  prepareForUpdate: keepStatusAndCount,
  prepareForStatusUpdate: keepAllButStatus,
  validate: validateIngress,
  validateStatusUpdate: ({ status }) => validateBalancerIngress(status?.loadBalancer?.ingress),
  columns: [
    nameColumn,
    {
      name: 'Class',
      type: 'string',
      cell: ({ metadata, spec }) => spec.ingressClassName ?? metadata.annotations?.[classAnnotation] ?? none,
    },
    {
      name: 'Hosts',
      type: 'string',
      cell: ({ spec }) => {
        const hosts = (spec.rules ?? []).flatMap(({ host }) => host || [])
        return hosts.length === 0 ? '*' : firstThree(hosts)
      },
    },
    {
      name: 'Address',
      type: 'string',
      cell: ({ status }) =>
        (status?.loadBalancer?.ingress ?? []).flatMap(({ ip, hostname }) => ip ?? hostname ?? []).join(','),
    },
    { name: 'Ports', type: 'string', cell: ({ spec }) => ((spec.tls ?? []).length > 0 ? '80, 443' : '80') },
    ageColumn,
  ],
}
