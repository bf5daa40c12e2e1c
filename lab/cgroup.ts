// The lab's cgroups: every process of a node is below one cgroup, so that a node can be found and ended whole, whatever became
// of pid files and parents. Works on cgroup v1 (each hierarchy has its own tree), v2 and the hybrid of both.

import { existsSync, globSync, mkdirSync, readdirSync, readFileSync, rmdirSync } from 'node:fs'
import { join } from 'node:path'
import { pause } from '../api/client/alarm.ts'
import { signalProcess } from '../cni/linux/processes.ts'

const mountPoint = '/sys/fs/cgroup'

/** Makes the cgroup for the node's own daemons and returns the file that a process enters by writing its pid. */
export function ensureDaemonCgroup(cgroup: string): string {
  // On v1 the pids hierarchy alone is enough to find processes again. On v2 processes may only be in leaves.
  const root = existsSync(join(mountPoint, 'cgroup.controllers')) ? mountPoint : join(mountPoint, 'pids')
  const directory = join(root, cgroup, 'daemons')
  mkdirSync(directory, { recursive: true })
  return join(directory, 'cgroup.procs')
}

/** Pids of all processes in the cgroup and below it, in any hierarchy. */
export function listProcesses(cgroup: string): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => cgroupsOf(pid).some((path) => `${path}/`.includes(`/${cgroup}/`)))
}

function cgroupsOf(pid: number): string[] {
  try {
    return readFileSync(`/proc/${pid}/cgroup`, 'utf8')
      .trim()
      .split('\n')
      .map((line) => line.slice(line.indexOf(':', line.indexOf(':') + 1) + 1))
  } catch {
    return [] // ended meanwhile
  }
}

/** SIGKILLs every process in the cgroup, as a power cut would, and returns when none is left. */
export async function killProcesses(cgroup: string): Promise<void> {
  const never = new AbortController().signal
  for (let pids = listProcesses(cgroup); pids.length > 0; pids = listProcesses(cgroup)) {
    for (const pid of pids) signalProcess(pid, 'SIGKILL')
    await pause(50, never)
  }
}

/** Removes the empty cgroup and all below it, in every hierarchy. */
export function removeCgroups(cgroup: string): void {
  const roots = [join(mountPoint, cgroup), ...globSync(join(mountPoint, '*', cgroup))]
  for (const root of new Set(roots)) if (existsSync(root)) removeTree(root)
}

function removeTree(directory: string): void {
  for (const entry of readdirSync(directory, { withFileTypes: true }))
    if (entry.isDirectory()) removeTree(join(directory, entry.name))
  rmdirSync(directory)
}
