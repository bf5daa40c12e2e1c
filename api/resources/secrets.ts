import type { Secret } from '../generated/types.ts'
import { ageColumn, nameColumn } from './cells.ts'
import type { Resource } from './resource.ts'
import { validateSecret, validateSecretUpdate } from './secret-rules.ts'

export const secrets: Resource<Secret> = {
  group: '',
  version: 'v1',
  kind: 'Secret',
  plural: 'secrets',
  singular: 'secret',
  shortNames: [],
  categories: [],
  namespaced: true,
  subresources: [],
  definition: 'io.k8s.api.core.v1.Secret',
  storagePath: 'secrets',
  setDefaults(secret) {
    secret.type ??= 'Opaque'
    encodeStringData(secret)
  },
  validate: validateSecret,
  validateUpdate: validateSecretUpdate,
  columns: [
    nameColumn,
    { name: 'Type', type: 'string', description: 'What the secret is for.', cell: ({ type }) => type ?? '' },
    {
      name: 'Data',
      type: 'integer',
      description: 'Number of keys.',
      cell: ({ data }) => Object.keys(data ?? {}).length,
    },
    ageColumn,
  ],
  selectableFields: { type: ({ type }) => type ?? '' },
}

/** stringData is for writing only: it ends as base64 in data, over what is there. */
function encodeStringData(secret: Secret): void {
  if (secret.stringData === undefined) return
  const encoded = Object.entries(secret.stringData).map(([key, text]) => [key, Buffer.from(text).toString('base64')])
  secret.data = { ...secret.data, ...Object.fromEntries(encoded) }
  delete secret.stringData
}
