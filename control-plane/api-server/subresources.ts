// The small doors: scale, binding, eviction and finalize. Each is a way to change a part of
// an object that the main door changes otherwise, or not at all.

import type { Binding, Deployment, Eviction, Namespace, Pod, Scale } from '../../api/generated/types.ts'
import type { ApiObject, Stored } from '../../api/objects/object.ts'
import { badRequest, conflict } from '../../api/objects/status-error.ts'
import type { Resource } from '../../api/resources/resource.ts'
import { deleteObject } from './deletion.ts'
import { formatLabelSelector } from './label-selector-text.ts'
import { tokenRequestType } from './tokens/token-request-type.ts'
import { type Target, timestamp, updateObject, type WriteContext } from './writes.ts'

/** Kinds that subresources speak, which no path lists. */
const scaleType = {
  group: 'autoscaling',
  version: 'v1',
  kind: 'Scale',
  definition: 'io.k8s.api.autoscaling.v1.Scale',
}
const bindingType = { group: '', version: 'v1', kind: 'Binding', definition: 'io.k8s.api.core.v1.Binding' }
const evictionType = {
  group: 'policy',
  version: 'v1',
  kind: 'Eviction',
  definition: 'io.k8s.api.policy.v1.Eviction',
}

/** The kind of body that a subresource takes: that of the object itself unless it is one of the above. */
export function bodyTypeOf(resource: Resource, subresource: string) {
  if (subresource === 'scale') return scaleType
  if (subresource === 'binding') return bindingType
  if (subresource === 'token') return tokenRequestType
  return subresource === 'eviction' ? evictionType : resource
}

/** Kinds with /scale have replicas and a selector where Deployments have them. */
type Scalable = ApiObject & Pick<Deployment, 'spec' | 'status'>

/** How many there shall be and are, of a Deployment or ReplicaSet. */
export function toScale(object: Stored<ApiObject>): Stored<Scale> {
  const { spec, status }: Scalable = object
  const { name, namespace, uid, resourceVersion, creationTimestamp } = object.metadata
  return {
    kind: 'Scale',
    apiVersion: 'autoscaling/v1',
    metadata: { name, ...(namespace !== undefined && { namespace }), uid, resourceVersion, creationTimestamp },
    spec: { replicas: spec?.replicas ?? 0 },
    status: { replicas: status?.replicas ?? 0, selector: formatLabelSelector(spec?.selector) },
  }
}

/** Takes the replicas of a Scale, nothing else. */
export async function updateScale(
  context: WriteContext,
  target: Target,
  replace: (scale: Stored<Scale>) => ApiObject | Promise<ApiObject>,
): Promise<Stored<ApiObject>> {
  const updated = await updateObject(context, { ...target, subresource: '' }, async (current) => {
    const scale: Scale = await replace(toScale(current))
    const replicas = scale.spec?.replicas ?? 0
    if (replicas < 0)
      throw badRequest(
        `Scale.autoscaling "${target.name}" is invalid: spec.replicas: Invalid value: ${replicas}: must be greater than or equal to 0`,
      )
    const { resourceVersion, uid } = scale.metadata ?? {}
    const { spec }: Scalable = current
    const metadata = { ...current.metadata, ...(uid !== undefined && { uid }), resourceVersion: resourceVersion ?? '' }
    return Object.assign(current, { metadata, spec: { ...spec, replicas } })
  })
  return toScale(updated)
}

/** Sends a pod to a node, once. */
export async function bindPod(context: WriteContext, target: Target, binding: Binding): Promise<void> {
  const nodeName = binding.target?.name ?? ''
  if (nodeName === '') throw badRequest('target.name: Required value')
  await updateObject(context, { ...target, subresource: 'binding' }, (current) => {
    const pod: Pod = current
    const uid = binding.metadata?.uid
    if (uid !== undefined && uid !== current.metadata.uid)
      throw conflict(target.resource, target.name, 'the uid differs')
    if (current.metadata.deletionTimestamp !== undefined) {
      throw conflict(target.resource, target.name, `pod ${target.name} is being deleted, cannot be assigned to a host`)
    }
    if (pod.spec?.nodeName) {
      const why = `pod ${target.name} is already assigned to node "${pod.spec.nodeName}"`
      throw conflict(target.resource, target.name, why)
    }
    pod.spec = { ...pod.spec, containers: pod.spec?.containers ?? [], nodeName }
    const others = (pod.status?.conditions ?? []).filter(({ type }) => type !== 'PodScheduled')
    const scheduled = { type: 'PodScheduled', status: 'True', lastTransitionTime: timestamp() }
    pod.status = { ...pod.status, conditions: [...others, scheduled] }
    return pod
  })
}

/** Deletes a pod in the way that kubectl drain asks for. There are no disruption budgets that could forbid it. */
export async function evictPod(context: WriteContext, target: Target, eviction: Eviction): Promise<void> {
  const { metadata, deleteOptions } = eviction
  if (metadata?.name !== undefined && metadata.name !== target.name) {
    throw badRequest(`name in URL does not match name in Eviction object: ${target.name} vs ${metadata.name}`)
  }
  await deleteObject(context, { ...target, subresource: 'eviction' }, deleteOptions ?? {})
}

/** Lets go of a namespace: takes its spec.finalizers, nothing else. */
export function finalizeNamespace(current: Stored<ApiObject>, given: Namespace): ApiObject {
  const namespace: Namespace = current
  namespace.spec = { finalizers: given.spec?.finalizers ?? [] }
  return withVersion(namespace, given)
}

/** The client's resourceVersion stays, so that its precondition is checked. */
function withVersion(object: ApiObject, given: ApiObject): ApiObject {
  object.metadata = { ...object.metadata, resourceVersion: given.metadata?.resourceVersion ?? '' }
  return object
}
