// Cgroups of pods, below /kubepods (Guaranteed), /kubepods/burstable and /kubepods/besteffort, in every hierarchy of
// cgroup v1 and in the one of v2. The runtime makes them as parents of containers; what it leaves empty is removed here.

import { readdir, rmdir } from 'node:fs/promises'
import { join } from 'node:path'
import { type QosClass, qosClassOf, type StoredPod } from './pod.ts'

/** Cgroups that belong to one node: root is "/" but where several nodes share a machine. */
export interface PodCgroups {
  root: string
  /** Where cgroup file systems are mounted. */
  mountPoint: string
}

const classes: readonly QosClass[] = ['Guaranteed', 'Burstable', 'BestEffort']

function classPath({ root }: PodCgroups, qos: QosClass): string {
  return join('/', root, 'kubepods', qos === 'Guaranteed' ? '' : qos.toLowerCase())
}

/** The pod's own cgroup, parent of its containers' cgroups. */
export function cgroupOf(cgroups: PodCgroups, pod: StoredPod): string {
  return join(classPath(cgroups, qosClassOf(pod)), `pod${pod.metadata.uid}`)
}

/** Removes the pod's cgroups, of whatever class. Those with processes stay: the kernel refuses. */
export async function removeCgroups(cgroups: PodCgroups, podUid: string): Promise<void> {
  const hierarchies = await listHierarchies(cgroups)
  const paths = classes.flatMap((qos) => hierarchies.map((root) => join(root, classPath(cgroups, qos), `pod${podUid}`)))
  await Promise.all(paths.map(removeIfEmpty))
}

/** Uids of pods that have a cgroup here. */
export async function listCgroupPods(cgroups: PodCgroups): Promise<Set<string>> {
  const directories = (await listHierarchies(cgroups)).flatMap((root) =>
    classes.map((qos) => join(root, classPath(cgroups, qos))),
  )
  const names = (await Promise.all(directories.map(listOrNothing))).flat()
  return new Set(names.filter((name) => name.startsWith('pod')).map((name) => name.slice('pod'.length)))
}

async function listHierarchies({ mountPoint }: PodCgroups): Promise<string[]> {
  const names = await listOrNothing(mountPoint)
  // A v2 mount point is itself the one hierarchy; below a v1 mount point each directory is one.
  return names.includes('cgroup.controllers') ? [mountPoint] : names.map((name) => join(mountPoint, name))
}

async function listOrNothing(directory: string): Promise<string[]> {
  return await readdir(directory).catch(() => []) // not there: nothing of ours in it
}

async function removeIfEmpty(path: string): Promise<void> {
  const children = await readdir(path, { withFileTypes: true }).catch(() => [])
  for (const child of children) if (child.isDirectory()) await removeIfEmpty(join(path, child.name))
  await rmdir(path).catch(() => undefined) // gone, or a process still ends in it: the next sweep finds it
}
