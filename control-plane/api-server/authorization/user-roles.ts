// What the roles for users let them do in a namespace: view, edit beside that, admin beside both. None of them shows
// Secrets to who may only view, as these hold tokens and with them others' rights.

import type { PolicyRule } from '../../../api/generated/types.ts'
import { accessGroup } from '../../../api/resources/access-rules.ts'

const read = ['get', 'list', 'watch']
const write = ['create', 'delete', 'deletecollection', 'patch', 'update']

const workloads: Record<string, string[]> = {
  apps: [
    'daemonsets',
    'deployments',
    'deployments/rollback',
    'deployments/scale',
    'replicasets',
    'replicasets/scale',
    'statefulsets',
    'statefulsets/scale',
  ],
  autoscaling: ['horizontalpodautoscalers'],
  batch: ['cronjobs', 'jobs'],
  policy: ['poddisruptionbudgets'],
  'networking.k8s.io': ['ingresses', 'networkpolicies'],
}

const core = [
  'configmaps',
  'endpoints',
  'persistentvolumeclaims',
  'pods',
  'replicationcontrollers',
  'replicationcontrollers/scale',
  'serviceaccounts',
  'services',
]

const statuses: Record<string, string[]> = {
  '': [
    'bindings',
    'events',
    'limitranges',
    'namespaces',
    'namespaces/status',
    'persistentvolumeclaims/status',
    'pods/log',
    'pods/status',
    'replicationcontrollers/status',
    'resourcequotas',
    'resourcequotas/status',
    'services/status',
  ],
  apps: ['controllerrevisions', 'daemonsets/status', 'deployments/status', 'replicasets/status', 'statefulsets/status'],
  autoscaling: ['horizontalpodautoscalers/status'],
  batch: ['cronjobs/status', 'jobs/status'],
  'discovery.k8s.io': ['endpointslices'],
  'networking.k8s.io': ['ingresses/status'],
  policy: ['poddisruptionbudgets/status'],
}

/** Of the role view. */
export const viewRules: PolicyRule[] = [
  { verbs: read, apiGroups: [''], resources: core },
  ...rulesOf(read, workloads),
  ...rulesOf(read, statuses),
]

/** Of the role edit, beside those of view. Who may start pods may use the namespace's Secrets and service accounts anyway. */
export const editRules: PolicyRule[] = [
  {
    verbs: read,
    apiGroups: [''],
    resources: ['pods/attach', 'pods/exec', 'pods/portforward', 'pods/proxy', 'secrets', 'services/proxy'],
  },
  { verbs: ['impersonate'], apiGroups: [''], resources: ['serviceaccounts'] },
  {
    verbs: write,
    apiGroups: [''],
    resources: ['pods/attach', 'pods/exec', 'pods/portforward', 'pods/proxy', 'services/proxy'],
  },
  { verbs: write, apiGroups: [''], resources: [...core.filter((kind) => kind !== 'endpoints'), 'secrets'] },
  { verbs: ['create'], apiGroups: [''], resources: ['pods/eviction', 'serviceaccounts/token'] },
  { verbs: ['create', 'patch', 'update'], apiGroups: [''], resources: ['events'] },
  ...rulesOf(write, workloads),
  { verbs: [...read, ...write], apiGroups: ['coordination.k8s.io'], resources: ['leases'] },
]

/** Of the role admin, beside those of edit. */
export const adminRules: PolicyRule[] = [
  { verbs: ['create'], apiGroups: ['authorization.k8s.io'], resources: ['localsubjectaccessreviews'] },
  { verbs: [...read, ...write], apiGroups: [accessGroup], resources: ['rolebindings', 'roles'] },
]

function rulesOf(verbs: string[], resources: Record<string, string[]>): PolicyRule[] {
  return Object.entries(resources).map(([group, kinds]) => ({ verbs, apiGroups: [group], resources: kinds }))
}
