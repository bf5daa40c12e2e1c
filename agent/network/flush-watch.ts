// Reloads of firewalls flush all rules of iptables, whoever's they are (firewalld: FlushAllOnReload). What is gone then is found by
// one of this node's own chains, which the kernel is asked for by netlink: microseconds, where a full comparison may take seconds.

import { pause } from '../../api/client/alarm.ts'
import { hasNetlink } from '../../cni/linux/netlink.ts'
import { type ChainName, hasChain } from '../../cni/linux/nft-netlink.ts'

const lookMs = 2_000

/**
 * Calls back whenever the chain has gone that was there before, until the signal aborts. Sees nothing where iptables is its legacy
 * variant, whose chains nftables does not know, and on a Node without FFI.
 */
export async function watchFlushes(chain: ChainName, onFlush: () => void, signal: AbortSignal): Promise<void> {
  if (!hasNetlink()) return
  let wasThere = false
  while (!signal.aborted) {
    const isThere = hasChain(chain)
    if (wasThere && !isThere) onFlush()
    wasThere = isThere
    await pause(lookMs, signal)
  }
}
