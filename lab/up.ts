// `lab up`: brings up whatever of the lab is not. Every step asks what holds already, so a second `up`, or one after a
// crash, mends rather than fails.

import type { Client } from '../api/client/client.ts'
import { HttpClient } from '../api/client/http-client.ts'
import { loadKubeconfig } from '../api/client/kubeconfig.ts'
import { TlsTransport } from '../api/client/tls-transport.ts'
import { nodes as nodeResource } from '../api/resources/nodes.ts'
import { step, waitFor } from '../host/progress.ts'
import { ensureClusterDns } from './cluster-dns.ts'
import { adminKubeconfig, ensureControlPlane } from './control-plane.ts'
import { down } from './down.ts'
import { type LabLayout, planLab } from './layout.ts'
import { ensureNode } from './node.ts'
import { ensureChoices, type LabChoices, readChoices } from './state.ts'
import { ensureNodeLink, ensureSwitch } from './switch.ts'

/** Returns the lab when every node is Ready and names resolve. */
export async function up(name: string, wish: Omit<LabChoices, 'subnet'>): Promise<LabLayout> {
  if (readChoices(name) === undefined) await step('clear what an earlier lab left', () => down(name))
  const choices = await ensureChoices(name, wish)
  const lab = planLab(name, choices.subnet, choices.nodes, choices.network)
  await step('node network', () => ensureSwitch(lab))
  await step('control plane', async () => {
    await ensureNodeLink(lab, lab.controlPlane)
    await ensureControlPlane(lab)
  })
  await step(`${lab.nodes.length} nodes: dockerd, images, agent`, async () => {
    await Promise.all(lab.nodes.map((node) => ensureNode(lab, node, choices)))
  })
  await step('every node is Ready', () => waitForNodes(lab))
  await step('cluster DNS', () => ensureClusterDns(lab))
  return lab
}

/** A client with the administrator's rights. */
export function adminClient(lab: LabLayout): Client {
  return new HttpClient(new TlsTransport(loadKubeconfig(adminKubeconfig(lab))))
}

/** Returns when every node of the lab is Ready. */
export async function waitForNodes(lab: LabLayout): Promise<void> {
  const client = adminClient(lab)
  await waitFor('readiness of every node', 60_000, async () => {
    const { items } = await client.list(nodeResource)
    const ready = items.filter(({ status }) =>
      status?.conditions?.some(({ type, status: value }) => type === 'Ready' && value === 'True'),
    )
    const missing = lab.nodes.filter(({ name }) => !ready.some(({ metadata }) => metadata.name === name))
    if (missing.length > 0)
      throw new Error(`not ready: ${missing.map((node) => `${node.name} (see ${node.dataDir}/agent.log)`).join(', ')}`)
    return true
  })
}
