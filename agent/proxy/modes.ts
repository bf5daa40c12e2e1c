// The ways in which Services can be served. One runs at a time; the rules of the others are removed when the agent starts.

import type { proxyModes } from '../../api/net/cluster-network.ts'
import type { BackendOptions, ProxyBackend } from './backend.ts'
import { IptablesBackend } from './iptables/iptables-backend.ts'
import { removeProxyRules } from './iptables/remove.ts'
import { IpvsBackend } from './ipvs/ipvs-backend.ts'
import { removeIpvsRules } from './ipvs/remove.ts'
import { NftablesBackend } from './nftables/nftables-backend.ts'
import { removeNftablesRules } from './nftables/remove.ts'
import { UserspaceBackend } from './userspace/userspace-backend.ts'

interface Mode {
  create(options: BackendOptions): ProxyBackend
  /** Removes all that the mode ever writes; does nothing when there is nothing. */
  remove(options: Pick<BackendOptions, 'netns'>): Promise<void>
}

const modes = {
  iptables: { create: (options) => new IptablesBackend(options), remove: removeProxyRules },
  ipvs: { create: (options) => new IpvsBackend(options), remove: removeIpvsRules },
  nftables: { create: (options) => new NftablesBackend(options), remove: removeNftablesRules },
  // Its chains are those of iptables, with another end.
  userspace: { create: (options) => new UserspaceBackend(options), remove: removeProxyRules },
} satisfies Record<(typeof proxyModes)[number], Mode>

export type ProxyMode = keyof typeof modes

/** Whether there is such a mode. */
export function isProxyMode(name: string): name is ProxyMode {
  return Object.hasOwn(modes, name)
}

/** The backend of a mode. */
export function createBackend(mode: ProxyMode, options: BackendOptions): ProxyBackend {
  return modes[mode].create(options)
}

/**
 * Removes what the modes other than this one left; of all modes when it is undefined. What another mode has in common with
 * this one stays: the backend's first call writes the difference, so that Services work all the while.
 */
export async function removeOtherModes(
  mode: ProxyMode | undefined,
  options: Pick<BackendOptions, 'netns'> = {},
): Promise<void> {
  const kept = mode === undefined ? undefined : modes[mode].remove
  const others = new Set(Object.values(modes).map(({ remove }) => remove))
  for (const remove of others) if (remove !== kept) await remove(options)
}
