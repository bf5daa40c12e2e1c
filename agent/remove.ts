// Takes everything off a host that its agent ever made outside of files: what `fairlead reset` calls. Each step can be repeated,
// does nothing when there is nothing, and stands alone, so that one that fails keeps no other from being done. A program that the
// host lacks has made nothing on it: that is no failure, and what else a step removes goes all the same.

import { join } from 'node:path'
import { removeAddresses } from './announcer/uplink.ts'
import { removeFaults } from './net/faults.ts'
import { removePodNetwork } from './network/remove.ts'
import { removeAllCgroups } from './pods/cgroups.ts'
import { removePolicyRules } from './policy/nftables/nftables-backend.ts'
import { removeOtherModes } from './proxy/modes.ts'
import { unmountInside } from './volumes/mount-points.ts'

export interface RemovalOptions {
  dataDir: string
  cniConfDir: string
  cniBinDir: string
}

export interface RemovalStep {
  /** What goes, in a few words. */
  what: string
  /** Other orchestrators on the host have things of the same names: it would be theirs too. */
  isShared?: true
  remove(): Promise<void>
}

/** The steps, in their order. Containers of pods are to be gone before, and no agent may run. */
export function removalSteps({ dataDir, cniConfDir, cniBinDir }: RemovalOptions): RemovalStep[] {
  return [
    {
      what: 'pod network: links, routes, tunnels, rules, CNI configuration',
      remove: () => removePodNetwork({ confDir: cniConfDir, binDirs: [cniBinDir], dataDir: join(dataDir, 'cni') }),
    },
    { what: 'rules of NetworkPolicies', remove: () => removePolicyRules() },
    { what: 'rules of Services', isShared: true, remove: () => removeOtherModes(undefined) },
    { what: 'addresses of load balancers', remove: () => removeAddresses() },
    { what: 'faults', remove: () => removeFaults() },
    { what: 'mounts of volumes', remove: () => unmountInside(dataDir) },
    {
      what: 'cgroups of pods',
      isShared: true,
      remove: () => removeAllCgroups({ root: '/', mountPoint: '/sys/fs/cgroup' }),
    },
  ]
}
