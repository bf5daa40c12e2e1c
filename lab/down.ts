// `lab down`: leaves no process, container, mount, namespace, link, cgroup or file of the lab behind. Needs no state file:
// everything is found by name, so it clears the remains of a lab that died half-way too.

import { rmSync } from 'node:fs'
import { killProcesses, removeCgroups } from './cgroup.ts'
import { planLab } from './layout.ts'
import { removeMounts } from './mounts.ts'
import { removeNetwork } from './switch.ts'

/** Removes the lab of this name, whatever there is of it. */
export async function down(name: string): Promise<void> {
  const lab = planLab(name, '0.0.0', 0)
  await killProcesses(lab.cgroup)
  removeMounts(lab.runDir, lab.dataDir)
  await removeNetwork(lab)
  removeCgroups(lab.cgroup)
  rmSync(lab.runDir, { recursive: true, force: true })
  rmSync(lab.dataDir, { recursive: true, force: true })
}
