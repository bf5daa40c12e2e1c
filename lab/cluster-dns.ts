// Cluster DNS in the lab: the add-on's manifest, applied with the same command that a person would use.

import { join } from 'node:path'
import { fairlead } from './fairlead.ts'
import type { LabLayout } from './layout.ts'
import { root } from './paths.ts'

/** Returns when names resolve. */
export async function ensureClusterDns(lab: LabLayout): Promise<void> {
  await fairlead(lab, ['apply', '-f', join(root, 'addons', 'dns', 'dns.yaml')])
  await fairlead(lab, ['rollout', 'status', 'deployment/dns', '--namespace', 'kube-system', '--timeout', '60s'])
}
