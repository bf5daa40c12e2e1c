import type { Node } from '../generated/types.ts'
import type { Stored } from '../objects/object.ts'
import { ageColumn, nameColumn, none, unknown } from './cells.ts'
import type { Column } from './resource.ts'

const rolePrefix = 'node-role.kubernetes.io/'

/** What `kubectl get nodes` shows. */
export const nodeColumns: readonly Column<Node>[] = [
  nameColumn,
  { name: 'Status', type: 'string', description: 'Whether pods can run and be scheduled here.', cell: statusCell },
  { name: 'Roles', type: 'string', description: 'Roles by label.', cell: rolesCell },
  ageColumn,
  {
    name: 'Version',
    type: 'string',
    description: 'Version of the agent.',
    cell: ({ status }) => status?.nodeInfo?.kubeletVersion ?? '',
  },
  { name: 'Internal-IP', type: 'string', priority: 1, cell: (node) => addressOf(node, 'InternalIP') },
  { name: 'External-IP', type: 'string', priority: 1, cell: (node) => addressOf(node, 'ExternalIP') },
  { name: 'OS-Image', type: 'string', priority: 1, cell: ({ status }) => status?.nodeInfo?.osImage || unknown },
  {
    name: 'Kernel-Version',
    type: 'string',
    priority: 1,
    cell: ({ status }) => status?.nodeInfo?.kernelVersion || unknown,
  },
  {
    name: 'Container-Runtime',
    type: 'string',
    priority: 1,
    cell: ({ status }) => status?.nodeInfo?.containerRuntimeVersion || unknown,
  },
]

function statusCell({ spec, status }: Stored<Node>): string {
  const ready = status?.conditions?.find(({ type }) => type === 'Ready')
  const word = ready === undefined ? 'Unknown' : ready.status === 'True' ? 'Ready' : 'NotReady'
  return spec?.unschedulable === true ? `${word},SchedulingDisabled` : word
}

function rolesCell({ metadata }: Stored<Node>): string {
  const roles = Object.entries(metadata.labels ?? {}).flatMap(([key, value]) => {
    if (key.startsWith(rolePrefix)) return key.slice(rolePrefix.length)
    return key === 'kubernetes.io/role' ? value : []
  })
  return (
    [...new Set(roles)]
      .filter((role) => role !== '')
      .sort()
      .join(',') || none
  )
}

function addressOf({ status }: Stored<Node>, type: string): string {
  return status?.addresses?.find((address) => address.type === type)?.address ?? none
}
