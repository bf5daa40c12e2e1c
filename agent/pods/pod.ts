// Small facts about a pod that planning, starting and reporting share.

import type { ContainerStatus, Container as ContainerTemplate, Pod } from '../../api/generated/types.ts'
import type { Stored } from '../../api/objects/object.ts'
import { compareQuantities } from '../../api/objects/quantity.ts'
import type { PodIdentity } from '../runtime/runtime.ts'

/** A pod as the API server returns it. */
export type StoredPod = Stored<Pod>

/** What a container is to its pod: runs before the others, beside them from before, or is what the pod is for. */
export type ContainerRole = 'init' | 'sidecar' | 'app'

/** Names the pod to the runtime and the network. */
export function identityOf({ metadata }: StoredPod): PodIdentity {
  return { name: metadata.name, namespace: metadata.namespace ?? 'default', uid: metadata.uid }
}

/** Init containers with restartPolicy Always run as long as the pod does. */
export function isSidecar(container: ContainerTemplate): boolean {
  return container.restartPolicy === 'Always'
}

/** All containers of the pod with their roles, in the order they start. */
export function listTemplates({ spec }: StoredPod): { template: ContainerTemplate; role: ContainerRole }[] {
  const init = (spec.initContainers ?? []).map((template) => ({
    template,
    role: isSidecar(template) ? ('sidecar' as const) : ('init' as const),
  }))
  return [...init, ...spec.containers.map((template) => ({ template, role: 'app' as const }))]
}

/** The container's template and role, or undefined when the pod has none of that name. */
export function findTemplate(pod: StoredPod, name: string) {
  return listTemplates(pod).find(({ template }) => template.name === name)
}

/** What the status says of all containers. */
export function containerStatusesOf({ status }: Pick<Pod, 'status'>): ContainerStatus[] {
  return [...(status?.initContainerStatuses ?? []), ...(status?.containerStatuses ?? [])]
}

/** True for a pod that has ended for good, whatever its containers look like. */
export function isTerminal(phase: string | undefined): boolean {
  return phase === 'Succeeded' || phase === 'Failed'
}

/** Seconds that the pod's containers get between SIGTERM and SIGKILL. */
export function gracePeriodOf({ metadata, spec }: StoredPod): number {
  return metadata.deletionGracePeriodSeconds ?? spec.terminationGracePeriodSeconds ?? 30
}

export type QosClass = 'Guaranteed' | 'Burstable' | 'BestEffort'

/** https://kubernetes.io/docs/concepts/workloads/pods/pod-qos/ */
export function qosClassOf({ spec }: StoredPod): QosClass {
  const containers = [...spec.containers, ...(spec.initContainers ?? [])]
  const amounts = containers.flatMap(({ resources }) =>
    (['cpu', 'memory'] as const).map((name) => {
      const limit = positive(resources?.limits?.[name])
      // A limit alone is a request too; the API server's defaults write it out, older objects may not have it.
      return { request: positive(resources?.requests?.[name]) ?? limit, limit }
    }),
  )
  if (amounts.every(({ request, limit }) => request === undefined && limit === undefined)) return 'BestEffort'
  const guaranteed = amounts.every(
    ({ request, limit }) => request !== undefined && limit !== undefined && compareQuantities(request, limit) === 0,
  )
  return guaranteed ? 'Guaranteed' : 'Burstable'
}

function positive(quantity: string | undefined): string | undefined {
  return quantity === undefined || compareQuantities(quantity, '0') <= 0 ? undefined : quantity
}
