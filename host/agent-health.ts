// Whether this host's agent does its work, by the Node that it reports on.

import { join } from 'node:path'
import { HttpClient } from '../api/client/http-client.ts'
import { loadKubeconfig } from '../api/client/kubeconfig.ts'
import { TlsTransport } from '../api/client/tls-transport.ts'
import { leases } from '../api/resources/leases.ts'
import { showUnit } from '../cni/linux/systemd.ts'
import { agentPkiDir, agentUnit } from './paths.ts'
import { waitForUnit } from './server.ts'
import { flagOf } from './units.ts'

const limitMs = 300_000

/** Returns when the agent that was just started has renewed its Node's lease. Throws with its last words. */
export async function waitForAgent(signal?: AbortSignal): Promise<void> {
  const sinceMs = Date.now()
  const name = flagOf((await showUnit(agentUnit, ['ExecStart'])).get('ExecStart') ?? '', 'node-name')
  const transport = new TlsTransport(loadKubeconfig(join(agentPkiDir, 'kubeconfig')))
  const client = new HttpClient(transport)
  const waiting = { limitMs, ...(signal && { signal }) }
  try {
    await waitForUnit(agentUnit, "the agent does not report on this host's Node", waiting, async () => {
      const { spec } = await client.get(leases, { namespace: 'kube-node-lease', name })
      return Date.parse(spec?.renewTime ?? '') > sinceMs ? true : undefined
    })
  } finally {
    await transport.close()
  }
}
