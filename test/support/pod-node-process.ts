// One node's pod network as the agent has it, in a process of its own inside the node's network namespace. PodNode
// (pod-nodes.ts) starts it and asks it by messages.

import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { CniNetwork } from '../../agent/network/cni-network.ts'
import { NodeNetwork } from '../../agent/network/node-network.ts'
import type { NetworkKind } from '../../agent/network/plan.ts'
import type { AttachRequest } from '../../agent/network/pod-network.ts'
import { removePodNetwork } from '../../agent/network/remove.ts'
import { ensureWireguardKey } from '../../agent/network/wireguard-key.ts'
import { FakeClient } from '../../api/client/fake-client.ts'
import { Informer } from '../../api/client/informer.ts'
import type { Difference } from '../../api/net/difference.ts'
import { publicKeyAnnotation } from '../../api/net/wireguard.ts'
import { nodes } from '../../api/resources/nodes.ts'

/** What a node of the cluster is to the others. */
export interface ClusterNode {
  name: string
  addresses: string[]
  ranges: string[]
  /** The public one, of nodes with the network kind wireguard. */
  wireguardKey?: string
}

/** How one process is started: the node, where its files are, all else. */
export interface PodNodeOptions {
  self: ClusterNode
  kind: NetworkKind
  clusterCidrs: string[]
  /** Kept from one process of the node to the next. */
  dataDir: string
  /** Where the private key is, of nodes with the network kind wireguard. */
  wireguardKeyFile: string
}

/** What may be asked, and what is answered. */
export interface PodNodeCalls {
  /** Makes the cluster consist of these nodes, and returns once the kernel has the ways to them. */
  setNodes(nodes: ClusterNode[]): Promise<void>
  verify(): Promise<Difference[]>
  repair(): Promise<void>
  attach(request: AttachRequest): Promise<{ ips: string[] }>
  detach(sandboxId: string): Promise<void>
  collectGarbage(liveSandboxIds: string[]): Promise<void>
  /** Ends the parts, which leave everything as it is. */
  stop(): Promise<void>
  /** Takes everything of ours off the node. */
  remove(): Promise<void>
}

serve(JSON.parse(process.argv[2] ?? ''))

function serve(options: PodNodeOptions): void {
  const calls = makeCalls(options)
  process.on('message', async ({ id, name, args }: { id: number; name: keyof PodNodeCalls; args: never[] }) => {
    const call: (...given: never[]) => Promise<unknown> = calls[name]
    try {
      process.send?.({ id, answer: await call(...args) })
    } catch (error) {
      process.send?.({ id, error: error instanceof Error ? error.message : String(error) })
    }
  })
  // Nobody is left to ask.
  process.on('disconnect', () => process.exit())
}

function makeCalls({ self, kind, clusterCidrs, dataDir, wireguardKeyFile }: PodNodeOptions): PodNodeCalls {
  const client = new FakeClient()
  const stop = new AbortController()
  const confDir = join(dataDir, 'conf')
  const onError = (error: unknown) => console.error(self.name, error)
  const followed = new Informer(client, nodes)
  const network = new NodeNetwork({
    nodes: followed,
    nodeName: self.name,
    nodeIps: self.addresses,
    kind,
    ...(kind === 'wireguard' && { wireguardKey: ensureWireguardKey(wireguardKeyFile) }),
    clusterCidrs,
    confDir,
    reservationsDir: join(dataDir, 'reservations'),
    onError,
  })
  const where = { confDir, binDirs: ['/usr/lib/cni'], dataDir }
  const pods = new CniNetwork({ ...where, onError })
  let running: Promise<unknown> | undefined
  const known = new Map<string, string>()
  return {
    verify: async () => [...(await network.verify()), ...(await pods.verify())],
    async setNodes(wanted) {
      for (const name of known.keys())
        if (!wanted.some((node) => node.name === name)) {
          await client.delete(nodes, { name })
          known.delete(name)
        }
      for (const node of wanted) await putNode(client, known, node)
      running ??= Promise.all([followed.run(stop.signal), network.run(stop.signal)])
      while ((await network.verify()).length > 0) await pause(50)
    },
    async repair() {
      await network.repair()
      await pods.repair()
    },
    attach: (request) => pods.attach(request),
    detach: (sandboxId) => pods.detach(sandboxId),
    collectGarbage: (live) => pods.collectGarbage(new Set(live)),
    async stop() {
      stop.abort()
      await running
    },
    async remove() {
      stop.abort()
      await running
      await removePodNetwork(where)
    },
  }
}

async function putNode(client: FakeClient, known: Map<string, string>, node: ClusterNode): Promise<void> {
  const text = JSON.stringify(node)
  const isKnown = known.has(node.name)
  if (known.get(node.name) === text) return
  known.set(node.name, text)
  if (isKnown) await client.delete(nodes, { name: node.name })
  await client.create(nodes, {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: {
      name: node.name,
      ...(node.wireguardKey && { annotations: { [publicKeyAnnotation]: node.wireguardKey } }),
    },
    spec: { podCIDR: node.ranges[0] ?? '', podCIDRs: node.ranges },
    status: { addresses: node.addresses.map((address) => ({ type: 'InternalIP', address })) },
  })
}
