import { isDeepStrictEqual } from 'node:util'
import type { EndpointSlice } from '../generated/types.ts'
import { ageColumn, firstThree, nameColumn, unset } from './cells.ts'
import { countGeneration } from './doors.ts'
import { validateEndpointSlice, validateEndpointSliceUpdate } from './endpoint-rules.ts'
import type { Resource } from './resource.ts'

export const endpointSlices: Resource<EndpointSlice> = {
  group: 'discovery.k8s.io',
  version: 'v1',
  kind: 'EndpointSlice',
  plural: 'endpointslices',
  singular: 'endpointslice',
  shortNames: [],
  categories: [],
  namespaced: true,
  subresources: [],
  definition: 'io.k8s.api.discovery.v1.EndpointSlice',
  storagePath: 'endpointslices',
  setDefaults({ ports }) {
    for (const port of ports ?? []) {
      port.name ??= ''
      port.protocol ??= 'TCP'
    }
  },
  prepareForCreate(slice) {
    slice.metadata = { ...slice.metadata, generation: 1 }
  },
  prepareForUpdate(slice, old) {
    const content = ({ endpoints, ports, addressType }: EndpointSlice) => ({ endpoints, ports, addressType })
    countGeneration(slice, old, isDeepStrictEqual(content(slice), content(old)))
  },
  validate: validateEndpointSlice,
  validateUpdate: validateEndpointSliceUpdate,
  columns: [
    nameColumn,
    { name: 'AddressType', type: 'string', description: 'IPv4, IPv6 or FQDN.', cell: ({ addressType }) => addressType },
    {
      name: 'Ports',
      type: 'string',
      description: 'Ports of all endpoints.',
      cell: ({ ports }) =>
        (ports ?? []).length === 0
          ? unset
          : firstThree((ports ?? []).map(({ port }) => (port === undefined ? '*' : String(port)))),
    },
    {
      name: 'Endpoints',
      type: 'string',
      description: 'Addresses, ready or not.',
      cell: ({ endpoints }) => {
        const addresses = (endpoints ?? []).flatMap((endpoint) => endpoint.addresses)
        return addresses.length === 0 ? unset : firstThree(addresses)
      },
    },
    ageColumn,
  ],
}
