// Reads what ipset and IPVS hold in a namespace, as text that their own tools can read back.

import { existsSync } from 'node:fs'
import { type RunOptions, run } from './exec.ts'

type Where = Pick<RunOptions, 'netns'>

/** All sets with their elements, as `ipset save` prints them. */
export async function saveSets(where: Where = {}): Promise<string> {
  return await run('ipset', ['save'], where)
}

/** All virtual servers with their real ones, as `ipvsadm -Sn` prints them; "" where the kernel has no IPVS. */
export async function saveVirtualServers(where: Where = {}): Promise<string> {
  // Starting ipvsadm would load the module, and this must change nothing.
  if (!existsSync('/proc/net/ip_vs')) return ''
  return await run('ipvsadm', ['-Sn'], where)
}
