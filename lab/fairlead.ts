// The `fairlead` command with the lab administrator's rights.

import { execa } from 'execa'
import { adminKubeconfig } from './control-plane.ts'
import type { LabLayout } from './layout.ts'
import { cliProgram, node } from './paths.ts'

/** Runs it and returns what it printed. Rejects with its own words when it fails. */
export async function fairlead(lab: LabLayout, args: string[]): Promise<string> {
  const { stdout } = await execa(node, [cliProgram, '--kubeconfig', adminKubeconfig(lab), ...args])
  return stdout
}
