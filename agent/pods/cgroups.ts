// Cgroups of pods, below /kubepods (Guaranteed), /kubepods/burstable and /kubepods/besteffort, in every hierarchy of
// cgroup v1 and in the one of v2; where Docker's driver is systemd, slices of those names. The runtime makes them as parents
// of containers; what it leaves empty is removed here.

import { readdir, readFile, rmdir } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { hasCode } from '../../cni/linux/system-error.ts'
import { stopUnits } from '../../cni/linux/systemd.ts'
import { toSlicePath } from '../runtime/slices.ts'
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

/** Where the pod's cgroup may be as a directory: in the hierarchy of a controller, or in the one of cgroup v2; by both drivers. */
export async function cgroupDirectories(cgroups: PodCgroups, pod: StoredPod, controller: string): Promise<string[]> {
  const hierarchies = await listHierarchies(cgroups)
  const own = hierarchies.filter((path) => path === cgroups.mountPoint || basename(path) === controller)
  return own.flatMap((hierarchy) => inBothLayouts(cgroupOf(cgroups, pod)).map((path) => join(hierarchy, path)))
}

/** What the kernel has in a file of a cgroup; undefined where there is none. */
export async function readCgroupFile(path: string): Promise<string | undefined> {
  return await readFile(path, 'utf8').catch((error: unknown) => {
    // Another layout, or the pod has ended: ENODEV is what a file says whose cgroup went while it was open.
    if (hasCode(error, 'ENOENT') || hasCode(error, 'ENODEV')) return undefined
    throw error
  })
}

/** Removes the pod's cgroups, of whatever class. Those with processes stay: the kernel refuses. */
export async function removeCgroups(cgroups: PodCgroups, podUid: string): Promise<void> {
  const hierarchies = await listHierarchies(cgroups)
  const paths = classes.map((qos) => join(classPath(cgroups, qos), `pod${podUid}`))
  await Promise.all(paths.map((path) => removePath(hierarchies, path)))
}

/** Removes the cgroups of all pods and of their classes, as far as they have no processes. */
export async function removeAllCgroups(cgroups: PodCgroups): Promise<void> {
  const hierarchies = await listHierarchies(cgroups)
  await removePath(hierarchies, classPath(cgroups, 'Guaranteed'))
}

async function removePath(hierarchies: readonly string[], path: string): Promise<void> {
  const slice = toSlicePath(path)
  await Promise.all(hierarchies.map((hierarchy) => removeIfEmpty(join(hierarchy, path))))
  const removed = await Promise.all(hierarchies.map((hierarchy) => removeIfEmpty(join(hierarchy, slice))))
  // systemd keeps the unit of a slice whose cgroup is gone. It must be empty: stopping one ends what is in it.
  if (removed.some((isRemoved) => isRemoved)) await stopUnits([basename(slice)])
}

/** Uids of pods that have a cgroup here. */
export async function listCgroupPods(cgroups: PodCgroups): Promise<Set<string>> {
  const paths = classes.flatMap((qos) => inBothLayouts(classPath(cgroups, qos)))
  const directories = (await listHierarchies(cgroups)).flatMap((hierarchy) =>
    paths.map((path) => join(hierarchy, path)),
  )
  const names = (await Promise.all(directories.map(listOrNothing))).flat()
  return new Set(names.flatMap((name) => uidIn(name) ?? []))
}

/** cgroupfs: "pod" and the uid. systemd: the names of the classes before it, and the uid's dashes as underscores. */
function uidIn(name: string): string | undefined {
  if (name.startsWith('pod')) return name.slice('pod'.length)
  return /-pod(\w+)\.slice$/.exec(basename(name))?.[1]?.replaceAll('_', '-')
}

/** Where Docker makes this cgroup, by its two drivers: which of them it was is not known of what an earlier daemon left. */
const inBothLayouts = (path: string): string[] => [path, toSlicePath(path)]

async function listHierarchies({ mountPoint }: PodCgroups): Promise<string[]> {
  const names = await listOrNothing(mountPoint)
  // A v2 mount point is itself the one hierarchy; below a v1 mount point each directory is one.
  return names.includes('cgroup.controllers') ? [mountPoint] : names.map((name) => join(mountPoint, name))
}

async function listOrNothing(directory: string): Promise<string[]> {
  return await readdir(directory).catch(() => []) // not there: nothing of ours in it
}

/** Whether it was there and is not any more. */
async function removeIfEmpty(path: string): Promise<boolean> {
  const children = await readdir(path, { withFileTypes: true }).catch(() => []) // gone: rmdir says so
  for (const child of children) if (child.isDirectory()) await removeIfEmpty(join(path, child.name))
  return await rmdir(path).then(
    () => true,
    () => false, // gone, or a process still ends in it: the next sweep finds it
  )
}
