import type { IngressClass } from '../generated/types.ts'
import { ageColumn, nameColumn, none } from './cells.ts'
import { validateIngressClass, validateIngressClassUpdate } from './ingress-rules.ts'
import type { Resource } from './resource.ts'

export const ingressClasses: Resource<IngressClass> = {
  group: 'networking.k8s.io',
  version: 'v1',
  kind: 'IngressClass',
  plural: 'ingressclasses',
  singular: 'ingressclass',
  shortNames: [],
  categories: [],
  namespaced: false,
  subresources: [],
  definition: 'io.k8s.api.networking.v1.IngressClass',
  storagePath: 'ingressclasses',
  setDefaults({ spec }) {
    if (spec?.parameters !== undefined) spec.parameters.scope ??= 'Cluster'
  },
  prepareForCreate(ingressClass) {
    ingressClass.metadata = { ...ingressClass.metadata, generation: 1 }
  },
  validate: validateIngressClass,
  validateUpdate: validateIngressClassUpdate,
  columns: [
    nameColumn,
    { name: 'Controller', type: 'string', cell: ({ spec }) => spec.controller ?? '' },
    {
      name: 'Parameters',
      type: 'string',
      cell: ({ spec: { parameters } }) =>
        parameters === undefined
          ? none
          : `${parameters.kind}${parameters.apiGroup ? `.${parameters.apiGroup}` : ''}/${parameters.name}`,
    },
    ageColumn,
  ],
}
