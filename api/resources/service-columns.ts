import type { Service } from '../generated/types.ts'
import type { Stored } from '../objects/object.ts'
import { ageColumn, formatLabels, nameColumn, none } from './cells.ts'
import type { Column } from './resource.ts'

/** What `kubectl get services` shows. */
export const serviceColumns: readonly Column<Service>[] = [
  nameColumn,
  { name: 'Type', type: 'string', description: 'How the service is reached.', cell: ({ spec }) => spec.type ?? '' },
  {
    name: 'Cluster-IP',
    type: 'string',
    description: 'Virtual address inside the cluster.',
    cell: ({ spec }) => spec.clusterIPs?.[0] || spec.clusterIP || none,
  },
  { name: 'External-IP', type: 'string', description: 'Address outside the cluster.', cell: externalAddressCell },
  { name: 'Port(s)', type: 'string', description: 'Ports, with node ports behind a colon.', cell: portsCell },
  ageColumn,
  { name: 'Selector', type: 'string', priority: 1, cell: ({ spec }) => formatLabels(spec.selector) },
]

function externalAddressCell({ spec, status }: Stored<Service>): string {
  const external = spec.externalIPs ?? []
  if (spec.type === 'ExternalName') return spec.externalName ?? ''
  if (spec.type !== 'LoadBalancer') return external.join(',') || none
  const ingress = (status?.loadBalancer?.ingress ?? []).map(({ ip, hostname }) => ip || hostname || '')
  return [...new Set([...ingress.sort(), ...external])].filter((address) => address !== '').join(',') || '<pending>'
}

function portsCell({ spec }: Stored<Service>): string {
  const ports = (spec.ports ?? []).map(({ port, nodePort, protocol }) =>
    nodePort === undefined || nodePort === 0 ? `${port}/${protocol}` : `${port}:${nodePort}/${protocol}`,
  )
  return ports.join(',') || none
}
