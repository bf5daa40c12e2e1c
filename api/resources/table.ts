// The resource table: every built-in kind, in the order that discovery lists them.

import { certificateSigningRequests } from './certificate-signing-requests.ts'
import { clusterRoleBindings } from './cluster-role-bindings.ts'
import { clusterRoles } from './cluster-roles.ts'
import { configMaps } from './config-maps.ts'
import { deployments } from './deployments.ts'
import { endpointSlices } from './endpoint-slices.ts'
import { endpoints } from './endpoints.ts'
import { events } from './events.ts'
import { ingressClasses } from './ingress-classes.ts'
import { ingresses } from './ingresses.ts'
import { leases } from './leases.ts'
import { namespaces } from './namespaces.ts'
import { networkPolicies } from './network-policies.ts'
import { nodes } from './nodes.ts'
import { pods } from './pods.ts'
import { replicaSets } from './replica-sets.ts'
import type { Resource } from './resource.ts'
import { roleBindings } from './role-bindings.ts'
import { roles } from './roles.ts'
import { secrets } from './secrets.ts'
import { serviceAccounts } from './service-accounts.ts'
import { services } from './services.ts'

// Method parameters are bivariant, so a row of any kind is a row of ApiObject; handlers hand a row only objects of its own kind.
export const resources: readonly Resource[] = [
  pods,
  nodes,
  namespaces,
  services,
  endpoints,
  endpointSlices,
  configMaps,
  secrets,
  serviceAccounts,
  events,
  leases,
  deployments,
  replicaSets,
  networkPolicies,
  ingresses,
  ingressClasses,
  roles,
  roleBindings,
  clusterRoles,
  clusterRoleBindings,
  certificateSigningRequests,
]
