import type { ServiceAccount } from '../generated/types.ts'
import { ageColumn, nameColumn } from './cells.ts'
import type { Resource } from './resource.ts'

export const serviceAccounts: Resource<ServiceAccount> = {
  group: '',
  version: 'v1',
  kind: 'ServiceAccount',
  plural: 'serviceaccounts',
  singular: 'serviceaccount',
  shortNames: ['sa'],
  categories: [],
  namespaced: true,
  subresources: ['token'],
  definition: 'io.k8s.api.core.v1.ServiceAccount',
  storagePath: 'serviceaccounts',
  columns: [nameColumn, ageColumn],
}
