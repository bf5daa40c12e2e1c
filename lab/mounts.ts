// Mounts that dead daemons left: overlay file systems of containers, tmpfs of volumes, network namespaces of sandboxes.

import { execFileSync } from 'node:child_process'
import { listMountPoints } from '../cni/linux/mounts.ts'

/** Unmounts everything at and below these directories, the deepest and latest first. */
export function removeMounts(...directories: string[]): void {
  for (const target of listMountPoints(...directories).reverse())
    execFileSync('umount', ['--lazy', '--no-mtab', target])
}
