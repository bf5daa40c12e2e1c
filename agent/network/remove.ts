// Takes everything of ours off a node that is to run pods no more. Settings of the kernel (forwarding and its like) stay: what
// they were before is not known, and others may rely on them by now.

import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { removeHostPortTable } from '../../cni/bridge/host-ports.ts'
import { removeSourceTable } from '../../cni/bridge/source-check.ts'
import { ipBatch, listLinks } from '../../cni/linux/ip.ts'
import { ifNoProgram } from '../../cni/linux/missing-program.ts'
import { CniNetwork, type CniNetworkOptions } from './cni-network.ts'
import { bridgeName, removeOwnConfig } from './conflist.ts'
import { compareNoRules } from './node-rules.ts'
import { applyRepairs } from './repair.ts'
import { compareRoutes } from './routes.ts'
import { compareVtep } from './vtep.ts'
import { compareWireguard } from './wireguard.ts'

const owner = 'the pod network'

/** Removes routes, tunnels and rules that lead to other nodes. There being none is no error. */
async function removeNodeNetwork(): Promise<void> {
  await applyRepairs(await compareRoutes([]))
  await applyRepairs(await compareVtep(undefined, [], owner))
  await applyRepairs(await compareWireguard(undefined, [], undefined, owner))
  for (const family of ['ipv4', 'ipv6'] as const) await applyRepairs(await compareNoRules(family, owner))
}

/** Detaches every sandbox, removes the bridge, its tables, our configuration and all records; then removeNodeNetwork. */
export async function removePodNetwork(options: Omit<CniNetworkOptions, 'onError'>): Promise<void> {
  // Elements that could not be removed go with their table.
  const network = new CniNetwork({ ...options, onError: () => undefined })
  // Links go before it asks nft for elements.
  await network.detachAll().catch(ifNoProgram(undefined))
  await removeOwnConfig(options.confDir)
  const [bridge] = await listLinks({}, ['dev', bridgeName])
  if (bridge?.linkinfo?.info_kind === 'bridge') await ipBatch([`link delete ${bridgeName}`])
  await removeSourceTable(bridgeName).catch(ifNoProgram(undefined))
  await removeHostPortTable(bridgeName).catch(ifNoProgram(undefined))
  await rm(join(options.dataDir, 'attachments'), { recursive: true, force: true })
  await removeNodeNetwork()
}
