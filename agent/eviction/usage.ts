// How much memory a pod uses, by its cgroup.

import { join } from 'node:path'
import { cgroupDirectories, type PodCgroups, readCgroupFile } from '../pods/cgroups.ts'
import type { StoredPod } from '../pods/pod.ts'

/** Names of the kernel's files: cgroup v2 (Documentation/admin-guide/cgroup-v2.rst), v1 (cgroup-v1/memory.rst). */
const layouts = [
  { usage: 'memory.current', inactive: 'inactive_file' },
  { usage: 'memory.usage_in_bytes', inactive: 'total_inactive_file' },
]

/** The pod's working set in bytes: without file pages that were not used lately. 0 when it has no cgroup yet. */
export async function readWorkingSet(cgroups: PodCgroups, pod: StoredPod): Promise<number> {
  for (const directory of await cgroupDirectories(cgroups, pod, 'memory'))
    for (const { usage, inactive } of layouts) {
      const used = await readCgroupFile(join(directory, usage))
      if (used === undefined) continue
      const stat = (await readCgroupFile(join(directory, 'memory.stat'))) ?? ''
      return Number(used) - Number(new RegExp(`^${inactive} (\\d+)$`, 'm').exec(stat)?.[1] ?? 0)
    }
  return 0
}
