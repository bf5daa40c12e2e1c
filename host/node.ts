// The node of this host: its unit, and the wait for the cluster to find it ready.

import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { HttpClient } from '../api/client/http-client.ts'
import { nodes } from '../api/resources/nodes.ts'
import { enableUnit, reloadUnits } from '../cni/linux/systemd.ts'
import { writeWhole } from './files.ts'
import { agentUnit, unitDir } from './paths.ts'
import { step } from './progress.ts'
import { waitForUnit } from './server.ts'
import type { NodeSettings } from './settings.ts'
import { agentUnitText } from './units.ts'

const readyLimitMs = 300_000

/** Writes and starts the unit; returns when the Node is Ready. `client` may read this host's Node. */
export async function startNode(settings: NodeSettings, client: HttpClient, signal: AbortSignal): Promise<void> {
  writeWhole(join(unitDir, agentUnit), agentUnitText(settings, { resolvConf: chooseResolvConf() }), 0o644)
  await reloadUnits()
  await enableUnit(agentUnit)
  await step(`node ${settings.nodeName} ready`, () => waitForNode(settings.nodeName, client, signal))
}

/** Returns when the cluster has the Node as Ready. */
async function waitForNode(name: string, client: HttpClient, signal?: AbortSignal): Promise<void> {
  const waiting = { limitMs: readyLimitMs, ...(signal && { signal }) }
  await waitForUnit(agentUnit, `node ${name} is not ready`, waiting, async () => {
    const { status } = await client.get(nodes, { name })
    const ready = status?.conditions?.find(({ type }) => type === 'Ready')
    if (ready?.status !== 'True') throw new Error(ready?.message ?? 'the Node has no condition Ready yet')
    return true
  })
}

/** With systemd-resolved /etc/resolv.conf names a server on loopback, which pods have no way to. */
function chooseResolvConf(): string {
  const upstream = '/run/systemd/resolve/resolv.conf'
  return existsSync(upstream) ? upstream : '/etc/resolv.conf'
}
