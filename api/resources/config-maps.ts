import type { ConfigMap } from '../generated/types.ts'
import { ageColumn, nameColumn } from './cells.ts'
import { validateConfigData, validateImmutability } from './config-data-rules.ts'
import type { Resource } from './resource.ts'

export const configMaps: Resource<ConfigMap> = {
  group: '',
  version: 'v1',
  kind: 'ConfigMap',
  plural: 'configmaps',
  singular: 'configmap',
  shortNames: ['cm'],
  categories: [],
  namespaced: true,
  subresources: [],
  definition: 'io.k8s.api.core.v1.ConfigMap',
  storagePath: 'configmaps',
  validate: (configMap) => validateConfigData(configMap, 'text'),
  validateUpdate: validateImmutability,
  columns: [
    nameColumn,
    {
      name: 'Data',
      type: 'integer',
      description: 'Keys of data and binaryData.',
      cell: ({ data, binaryData }) => Object.keys({ ...data, ...binaryData }).length,
    },
    ageColumn,
  ],
}
