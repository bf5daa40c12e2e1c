// The end of a pod by the kernel alone: where memory has run out, Docker's daemon takes minutes to do what it is asked.

import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { signalProcess } from '../../cni/linux/processes.ts'
import { hasCode, ifMissing } from '../../cni/linux/system-error.ts'
import { cgroupDirectories, type PodCgroups } from '../pods/cgroups.ts'
import type { StoredPod } from '../pods/pod.ts'

/** Kills every process of the pod (SIGKILL). One that has no cgroup yet, or no more, has none. */
export async function killProcesses(cgroups: PodCgroups, pod: StoredPod): Promise<void> {
  for (const directory of await cgroupDirectories(cgroups, pod, 'memory'))
    if (!(await killByCgroup(directory))) await killOneByOne(directory)
}

/** All at once, which cgroup v2 can since Linux 5.14. False where this is no such cgroup. */
async function killByCgroup(directory: string): Promise<boolean> {
  try {
    await writeFile(join(directory, 'cgroup.kill'), '1', { flag: 'r+' })
    return true
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return false
    throw error
  }
}

async function killOneByOne(directory: string): Promise<void> {
  for (const child of await readdir(directory, { withFileTypes: true }).catch(ifMissing([])))
    if (child.isDirectory()) await killOneByOne(join(directory, child.name))
  const pids = await readFile(join(directory, 'cgroup.procs'), 'utf8').catch(ifMissing(''))
  for (const pid of pids.split('\n').filter(Boolean)) signalProcess(Number(pid), 'SIGKILL')
}
