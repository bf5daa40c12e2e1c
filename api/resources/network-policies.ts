import { isDeepStrictEqual } from 'node:util'
import type { NetworkPolicy } from '../generated/types.ts'
import { toSelector } from '../objects/selectors.ts'
import { ageColumn, nameColumn, none } from './cells.ts'
import { countGeneration } from './doors.ts'
import { validateNetworkPolicy } from './network-policy-rules.ts'
import type { Resource } from './resource.ts'

export const networkPolicies: Resource<NetworkPolicy> = {
  group: 'networking.k8s.io',
  version: 'v1',
  kind: 'NetworkPolicy',
  plural: 'networkpolicies',
  singular: 'networkpolicy',
  shortNames: ['netpol'],
  categories: [],
  namespaced: true,
  subresources: [],
  definition: 'io.k8s.api.networking.v1.NetworkPolicy',
  storagePath: 'networkpolicies',
  setDefaults(policy) {
    policy.spec ??= {}
    const { spec } = policy
    spec.podSelector ??= {}
    for (const { ports } of [...(spec.ingress ?? []), ...(spec.egress ?? [])])
      for (const port of ports ?? []) port.protocol ??= 'TCP'
    if ((spec.policyTypes ?? []).length === 0)
      spec.policyTypes = (spec.egress ?? []).length > 0 ? ['Ingress', 'Egress'] : ['Ingress']
  },
  prepareForCreate(policy) {
    policy.metadata = { ...policy.metadata, generation: 1 }
  },
  prepareForUpdate(policy, old) {
    countGeneration(policy, old, isDeepStrictEqual(policy.spec, old.spec))
  },
  validate: validateNetworkPolicy,
  columns: [
    nameColumn,
    {
      name: 'Pod-Selector',
      type: 'string',
      description: 'Which pods of the namespace the policy is about; <none>: all.',
      cell: ({ spec }) => toSelector(spec.podSelector ?? {}).toString() || none,
    },
    ageColumn,
  ],
}
