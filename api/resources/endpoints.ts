import type { EndpointSubset, Endpoints } from '../generated/types.ts'
import { ageColumn, firstThree, nameColumn } from './cells.ts'
import { validateEndpoints } from './endpoint-rules.ts'
import type { Resource } from './resource.ts'

export const endpoints: Resource<Endpoints> = {
  group: '',
  version: 'v1',
  kind: 'Endpoints',
  plural: 'endpoints',
  singular: 'endpoints',
  shortNames: ['ep'],
  categories: [],
  namespaced: true,
  subresources: [],
  definition: 'io.k8s.api.core.v1.Endpoints',
  storagePath: 'services/endpoints',
  setDefaults({ subsets }) {
    for (const { ports } of subsets ?? []) {
      for (const port of ports ?? []) port.protocol ??= 'TCP'
    }
  },
  validate: validateEndpoints,
  columns: [
    nameColumn,
    {
      name: 'Endpoints',
      type: 'string',
      description: 'Ready addresses with ports.',
      cell: ({ subsets }) => firstThree((subsets ?? []).flatMap(addressesOf)),
    },
    ageColumn,
  ],
}

function addressesOf({ addresses, ports }: EndpointSubset): string[] {
  const all = addresses ?? []
  if (ports === undefined || ports.length === 0) return all.map(({ ip }) => ip)
  return ports.flatMap(({ port }) => all.map(({ ip }) => `${ip.includes(':') ? `[${ip}]` : ip}:${port}`))
}
