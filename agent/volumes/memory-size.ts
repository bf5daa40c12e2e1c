// How large a volume in memory may get. What is written there counts against its pod's memory limit, and nobody's else.

import type { Container, PodSpec } from '../../api/generated/types.ts'
import { toBytes } from '../../api/objects/quantity.ts'

type Templates = Pick<PodSpec, 'containers' | 'initContainers'>

/**
 * Bytes: the smallest of the volume's own limit, the pod's memory limit if each of its containers has one, and all that the node
 * gives to pods; undefined when none is known, for the kernel to choose. As Kubernetes has it (SizeMemoryBackedVolumes, 1.32).
 */
export function memoryVolumeBytes(
  templates: Templates,
  sizeLimit: string | undefined,
  { memory: allocatable }: { memory?: string },
): number | undefined {
  const sizes = [
    sizeLimit === undefined ? 0 : toBytes(sizeLimit),
    podLimitBytes(templates),
    allocatable === undefined ? 0 : toBytes(allocatable),
  ].filter((bytes) => bytes > 0)
  return sizes.length === 0 ? undefined : Math.min(...sizes)
}

/** 0 when a container has no limit: then the pod has none. Init containers run alone, but for sidecars. */
function podLimitBytes({ containers, initContainers = [] }: Templates): number {
  const sidecars = initContainers.filter(isSidecar)
  const alone = initContainers.filter((template) => !isSidecar(template)).map(limitBytes)
  const together = [...containers, ...sidecars].map(limitBytes)
  const limits = [...alone, together.reduce((sum, limit) => sum + limit, 0)]
  return [...alone, ...together].includes(0) ? 0 : Math.max(...limits)
}

const isSidecar = ({ restartPolicy }: Container) => restartPolicy === 'Always'
const limitBytes = ({ resources }: Container) => toBytes(resources?.limits?.memory ?? '0')
