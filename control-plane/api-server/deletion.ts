// How objects go: at once; or marked first, and removed when the finalizers are done or the kubelet has ended the pod.
// https://kubernetes.io/docs/concepts/overview/working-with-objects/finalizers/

import type { DeleteOptions, Namespace, ObjectMeta, Pod } from '../../api/generated/types.ts'
import type { ApiObject, Stored } from '../../api/objects/object.ts'
import { badRequest } from '../../api/objects/status-error.ts'
import type { Resource } from '../../api/resources/resource.ts'
import { admit } from './admission/admission.ts'
import { type Change, checkPreconditions, type UpdateResult } from './storage.ts'
import { objectName, type Target, timestamp, type WriteContext } from './writes.ts'

const defaultGraceSeconds = 30

/** Deletes an object, or begins to. */
export async function deleteObject(
  context: WriteContext,
  target: Target,
  options: DeleteOptions,
): Promise<UpdateResult> {
  const { resource, namespace, name, dryRun } = target
  const isDryRun = dryRun || options.dryRun?.includes('All') === true
  checkOptions(options)
  await admit(context.admission.validating, { ...target, verb: 'delete' }, context.cluster)
  return context.storage.update(
    resource,
    objectName(resource, namespace, name),
    (current) => {
      checkPreconditions(resource, current, options.preconditions ?? {})
      return planDeletion(resource, current, options)
    },
    isDryRun,
  )
}

/** What a delete request does to the object as it is now. Changes the object that it is given. */
function planDeletion(resource: Resource, object: Stored<ApiObject>, options: DeleteOptions): Change {
  const { metadata } = object
  metadata.finalizers = finalizersFor(metadata.finalizers ?? [], options)
  const grace = graceSeconds(resource, object, options)
  const holds = metadata.finalizers.length > 0 || hasSpecFinalizers(resource, object)
  if (metadata.finalizers.length === 0) delete metadata.finalizers
  if (grace === 0 && !holds) return { delete: true }
  markDeleted(metadata, grace)
  if (resource.group === '' && resource.plural === 'namespaces') {
    const namespace: Namespace = object
    namespace.status = { ...namespace.status, phase: 'Terminating' }
  }
  return { write: object }
}

/** True for an object that was being deleted and that nothing holds any more. */
export function isFinished(resource: Resource, object: ApiObject): boolean {
  const { deletionTimestamp, deletionGracePeriodSeconds = 0, finalizers = [] } = object.metadata ?? {}
  if (deletionTimestamp === undefined || deletionGracePeriodSeconds !== 0) return false
  return finalizers.length === 0 && !hasSpecFinalizers(resource, object)
}

/** A deletion under way can be hastened, but not slowed down. */
function markDeleted(metadata: ObjectMeta, grace: number): void {
  const { deletionTimestamp, deletionGracePeriodSeconds = 0 } = metadata
  if (deletionTimestamp !== undefined && grace >= deletionGracePeriodSeconds) return
  metadata.deletionTimestamp = timestamp(grace)
  metadata.deletionGracePeriodSeconds = grace
  if (metadata.generation !== undefined) metadata.generation += 1
}

function finalizersFor(
  finalizers: readonly string[],
  { propagationPolicy, orphanDependents }: DeleteOptions,
): string[] {
  const policy =
    propagationPolicy ?? (orphanDependents === undefined ? undefined : orphanDependents ? 'Orphan' : 'Background')
  if (policy === undefined) return [...finalizers]
  const others = finalizers.filter((finalizer) => finalizer !== 'orphan' && finalizer !== 'foregroundDeletion')
  if (policy === 'Orphan') return [...others, 'orphan']
  return policy === 'Foreground' ? [...others, 'foregroundDeletion'] : others
}

/** Only pods are given time, and only those that a kubelet may be running. */
function graceSeconds(resource: Resource, object: ApiObject, { gracePeriodSeconds }: DeleteOptions): number {
  if (resource.group !== '' || resource.plural !== 'pods') return 0
  const { spec, status }: Pod = object
  const isOver = status?.phase === 'Succeeded' || status?.phase === 'Failed'
  if (spec?.nodeName === undefined || spec.nodeName === '' || isOver) return 0
  const grace = gracePeriodSeconds ?? spec.terminationGracePeriodSeconds ?? defaultGraceSeconds
  return grace < 0 ? 1 : grace
}

function hasSpecFinalizers(resource: Resource, object: ApiObject): boolean {
  if (resource.group !== '' || resource.plural !== 'namespaces') return false
  const { spec }: Namespace = object
  return (spec?.finalizers ?? []).length > 0
}

function checkOptions({ propagationPolicy, orphanDependents, gracePeriodSeconds }: DeleteOptions): void {
  if (propagationPolicy !== undefined && !['Orphan', 'Background', 'Foreground'].includes(propagationPolicy)) {
    throw badRequest(
      `DeleteOptions.meta.k8s.io "" is invalid: propagationPolicy: Invalid value: "${propagationPolicy}": must be one of Foreground, Background, Orphan`,
    )
  }
  if (propagationPolicy !== undefined && orphanDependents !== undefined) {
    throw badRequest('orphanDependents and deletionPropagation cannot be both set')
  }
  if (gracePeriodSeconds !== undefined && !Number.isSafeInteger(gracePeriodSeconds)) {
    throw badRequest('gracePeriodSeconds: must be a whole number')
  }
}
