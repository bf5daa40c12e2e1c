import type { Pod } from '../api/generated/types.ts'
import { pods } from '../api/resources/pods.ts'
import type { Resource } from '../api/resources/resource.ts'

/**
 * The resource table with another time that new pods stay on a node which is not ready, if they do not say themselves:
 * Kubernetes' 300 seconds are long for a lab.
 */
export function withEvictionWait(table: readonly Resource[], seconds: number): readonly Resource[] {
  const impatientPods: Resource<Pod> = {
    ...pods,
    prepareForCreate(pod) {
      const own = pod.spec?.tolerations?.length ?? 0
      pods.prepareForCreate?.(pod)
      for (const added of pod.spec?.tolerations?.slice(own) ?? []) added.tolerationSeconds = seconds
    },
  }
  return table.map((resource) => (resource === pods ? impatientPods : resource))
}
