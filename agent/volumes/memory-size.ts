// How large a volume in memory may get. What is written there counts against its pod's memory limit, and nobody's else.

import type { PodSpec } from '../../api/generated/types.ts'
import { toBytes } from '../../api/objects/quantity.ts'

/**
 * Bytes: the smallest of the volume's own limit, the pod's memory limit if each of its containers has one, and all that the node
 * gives to pods; undefined when none is known, for the kernel to choose. As Kubernetes has it (SizeMemoryBackedVolumes, 1.32).
 */
export function memoryVolumeBytes(
  { containers }: Pick<PodSpec, 'containers'>,
  sizeLimit: string | undefined,
  { memory: allocatable }: { memory?: string },
): number | undefined {
  const limits = containers.flatMap(({ resources }) => resources?.limits?.memory ?? [])
  const isLimited = limits.length === containers.length
  const sizes = [
    sizeLimit === undefined ? 0 : toBytes(sizeLimit),
    isLimited ? limits.reduce((sum, limit) => sum + toBytes(limit), 0) : 0,
    allocatable === undefined ? 0 : toBytes(allocatable),
  ].filter((bytes) => bytes > 0)
  return sizes.length === 0 ? undefined : Math.min(...sizes)
}
