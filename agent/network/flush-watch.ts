// Reloads of firewalls flush all rules of iptables, whoever's they are (firewalld: FlushAllOnReload). What is gone then is found by
// one of this node's own chains, which the kernel is asked for by netlink: microseconds, where a full comparison may take seconds.

import { pause } from '../../api/client/alarm.ts'
import { hasNetlink } from '../../cni/linux/netlink.ts'
import { type ChainName, hasChain } from '../../cni/linux/nft-netlink.ts'

const lookMs = 2_000
const longestMs = 60_000

/**
 * Calls back when the chain is gone that was there before, and again as long as it is, more and more seldom, until the signal aborts:
 * a firewall may flush what has just been written. Sees nothing where iptables is its legacy variant, whose chains nftables does
 * not know, and on a Node without FFI.
 */
export async function watchFlushes(
  chain: ChainName,
  { onFlush, onError }: { onFlush: () => void; onError: (error: unknown) => void },
  signal: AbortSignal,
): Promise<void> {
  if (!hasNetlink()) return
  let wasThere = false
  let waitMs = lookMs
  while (!signal.aborted) {
    const isThere = look(chain, onError)
    const isFlushed = wasThere && isThere === false
    if (isFlushed) onFlush()
    waitMs = isFlushed ? Math.min(waitMs * 2, longestMs) : lookMs
    wasThere ||= isThere === true
    await pause(isThere === undefined ? longestMs : waitMs, signal)
  }
}

/** Undefined when the kernel does not say, as one without nf_tables: the minute's comparison goes on without it. */
function look(chain: ChainName, onError: (error: unknown) => void): boolean | undefined {
  try {
    return hasChain(chain)
  } catch (error) {
    onError(error)
    return undefined
  }
}
