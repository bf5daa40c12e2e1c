import type { Pod } from '../generated/types.ts'
import type { Stored } from '../objects/object.ts'
import { ageColumn, nameColumn, none } from './cells.ts'
import { formatRestarts, summarizePod } from './pod-status-text.ts'
import type { Column, FieldReader } from './resource.ts'

/** What `kubectl get pods` shows. */
export const podColumns: readonly Column<Pod>[] = [
  nameColumn,
  { name: 'Ready', type: 'string', description: 'Ready containers of all containers.', cell: readyCell },
  { name: 'Status', type: 'string', description: 'What the pod is doing.', cell: (pod) => summarizePod(pod).status },
  {
    name: 'Restarts',
    type: 'string',
    description: 'Restarts of containers, and when the last was.',
    cell: (pod, nowMs) => formatRestarts(summarizePod(pod), nowMs),
  },
  ageColumn,
  { name: 'IP', type: 'string', priority: 1, cell: (pod) => pod.status?.podIPs?.[0]?.ip || pod.status?.podIP || none },
  { name: 'Node', type: 'string', priority: 1, cell: (pod) => pod.spec.nodeName || none },
  { name: 'Nominated Node', type: 'string', priority: 1, cell: (pod) => pod.status?.nominatedNodeName || none },
  { name: 'Readiness Gates', type: 'string', priority: 1, cell: readinessGatesCell },
]

/** What field selectors may ask of pods. */
export const podFields: Readonly<Record<string, FieldReader<Pod>>> = {
  'spec.nodeName': (pod) => pod.spec.nodeName ?? '',
  'spec.restartPolicy': (pod) => pod.spec.restartPolicy ?? '',
  'spec.schedulerName': (pod) => pod.spec.schedulerName ?? '',
  'spec.serviceAccountName': (pod) => pod.spec.serviceAccountName ?? '',
  'spec.hostNetwork': (pod) => String(pod.spec.hostNetwork === true),
  'status.phase': (pod) => pod.status?.phase ?? '',
  'status.podIP': (pod) => pod.status?.podIP ?? '',
  'status.nominatedNodeName': (pod) => pod.status?.nominatedNodeName ?? '',
}

function readyCell(pod: Stored<Pod>): string {
  const { ready, total } = summarizePod(pod)
  return `${ready}/${total}`
}

function readinessGatesCell(pod: Stored<Pod>): string {
  const gates = pod.spec.readinessGates ?? []
  if (gates.length === 0) return none
  const isTrue = ({ conditionType }: { conditionType: string }) =>
    pod.status?.conditions?.some(({ type, status }) => type === conditionType && status === 'True') === true
  return `${gates.filter(isTrue).length}/${gates.length}`
}
