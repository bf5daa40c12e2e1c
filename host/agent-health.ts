// Whether this host's agent does its work, by the Node that it reports on.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { HttpClient } from '../api/client/http-client.ts'
import { loadKubeconfig } from '../api/client/kubeconfig.ts'
import { TlsTransport } from '../api/client/tls-transport.ts'
import { leases } from '../api/resources/leases.ts'
import { agentPkiDir, agentUnit, unitDir } from './paths.ts'
import { waitForUnit } from './server.ts'

const limitMs = 300_000

/** Returns when the agent that was just started has renewed its Node's lease. Throws with its last words. */
export async function waitForAgent(sinceMs = Date.now()): Promise<void> {
  const access = loadKubeconfig(join(agentPkiDir, 'kubeconfig'))
  const nodeName = nodeNameIn(readFileSync(join(unitDir, agentUnit), 'utf8'))
  const transport = new TlsTransport(access)
  const client = new HttpClient(transport)
  try {
    await waitForUnit(agentUnit, "the agent does not report on this host's Node", { limitMs }, async () => {
      const { spec } = await client.get(leases, { namespace: 'kube-node-lease', name: nodeName })
      return Date.parse(spec?.renewTime ?? '') > sinceMs ? true : undefined
    })
  } finally {
    await transport.close()
  }
}

/** The node's name in the text of the agent's unit. */
export function nodeNameIn(unit: string): string {
  const name = /--node-name (\S+)/.exec(unit)?.[1]
  if (name === undefined) throw new Error(`${agentUnit} names no node: was it changed by hand?`)
  return name
}
