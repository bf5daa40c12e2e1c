// How a cgroup is named to Docker, by the driver that it uses.

import { toSliceName } from '../runtime/slices.ts'

/** cgroupfs takes the path, systemd the name of a slice. */
export function toCgroupParent(path: string, driver: 'cgroupfs' | 'systemd'): string {
  return driver === 'cgroupfs' ? path : toSliceName(path)
}
