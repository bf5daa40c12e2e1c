// Admission: what a write must pass after it was decoded and before it is stored. What belongs to one kind alone (a pod's
// service account, tolerations and priority) is in the kind's row in the resource table; here is what looks at others.

import type { ApiObject, ObjectName, Stored } from '../../../api/objects/object.ts'
import type { Resource } from '../../../api/resources/resource.ts'
import type { User } from '../exchange.ts'
import { namespaceLifecycle } from './namespace-lifecycle.ts'
import { nodeRestriction } from './node-restriction.ts'
import { serviceAccount } from './service-account.ts'

/** A write that is about to happen. */
export interface AdmissionRequest {
  verb: 'create' | 'update' | 'delete'
  resource: Resource
  subresource: string
  namespace: string
  name: string
  /** Absent for deletions. */
  object?: ApiObject
  old?: Stored<ApiObject>
  user: User
}

/** What admission may look at: the newest state of other objects. */
export interface ClusterReader {
  find(resource: Resource, name: ObjectName): Promise<Stored<ApiObject> | undefined>
  /** The same, but an object that is not there has so long to come. */
  waitFor(resource: Resource, name: ObjectName, waitMs: number): Promise<Stored<ApiObject> | undefined>
}

/** One rule. Returns if the write may go on, throws a StatusError if not. */
export interface Admission {
  readonly name: string
  admit(request: AdmissionRequest, cluster: ClusterReader): void | Promise<void>
}

/** All rules that are in force. */
export interface AdmissionRules {
  /** May change the object; in this order. */
  mutating: readonly Admission[]
  /** See the object as it will be stored. */
  validating: readonly Admission[]
}

/** The built-in rules, but for those that are left out by name. */
export function makeAdmissionRules(leftOut: readonly string[] = []): AdmissionRules {
  const isIn = ({ name }: Admission) => !leftOut.includes(name)
  return {
    mutating: [serviceAccount].filter(isIn),
    validating: [namespaceLifecycle, nodeRestriction].filter(isIn),
  }
}

/** Asks every rule of a list. */
export async function admit(
  rules: readonly Admission[],
  request: AdmissionRequest,
  cluster: ClusterReader,
): Promise<void> {
  for (const rule of rules) await rule.admit(request, cluster)
}
