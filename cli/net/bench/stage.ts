// What a bench needs in the cluster: a namespace of its own with a server, a client and a Service for each node. All of it goes
// with the namespace, also what a bench left that was killed.

import { setTimeout as pause } from 'node:timers/promises'
import type { Client } from '../../../api/client/client.ts'
import type { Pod, Service } from '../../../api/generated/types.ts'
import { isNotFound } from '../../../api/objects/status-error.ts'
import { namespaces } from '../../../api/resources/namespaces.ts'
import { pods } from '../../../api/resources/pods.ts'
import { services } from '../../../api/resources/services.ts'
import { ports } from './probe.ts'

export const benchNamespace = 'fairlead-net-bench'
const ownLabel = { 'app.kubernetes.io/managed-by': 'fairlead-net-bench' }
const startLimitMs = 120_000
const lookMs = 250

export interface StageOptions {
  nodes: readonly string[]
  image: string
  family: 'ipv4' | 'ipv6'
}

/** Where a node's server is, both ways. */
export interface Server {
  pod: string
  service: string
}

/** Name of a node's Service, without the dots that a node's name may have, and no longer than a label. */
const serviceOf = (node: string) => `server-${node.replaceAll('.', '-')}`.slice(0, 63).replace(/-+$/, '')

export const clientOf = (node: string) => ({ namespace: benchNamespace, name: `client-${node}` })

interface Cluster {
  client: Client
}

/** Resolves with each node's server when all pods run. */
export async function setStage(
  { client }: Cluster,
  options: StageOptions,
  signal: AbortSignal,
): Promise<Map<string, Server>> {
  await clearStage({ client }, signal)
  await client.create(namespaces, { metadata: { name: benchNamespace, labels: ownLabel } })
  const { nodes, family } = options
  await Promise.all(
    nodes.flatMap((node) => [
      client.create(pods, makePod(`client-${node}`, node, options, ['sleep', 'infinity'])),
      client.create(
        pods,
        makePod(`server-${node}`, node, options, ['sh', '-c', 'iperf3 -s >/dev/null & exec testbox serve']),
      ),
      client.create(services, makeService(node, family)),
    ]),
  )
  const servers = new Map<string, Server>()
  const deadline = Date.now() + startLimitMs
  while (servers.size < nodes.length) {
    const { items } = await client.list(pods, { namespace: benchNamespace })
    const waiting = items.find(
      ({ status }) => !status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True'),
    )
    if (waiting === undefined && items.length === nodes.length * 2) {
      for (const node of nodes) servers.set(node, await findServer({ client }, node, family))
      break
    }
    if (Date.now() > deadline)
      throw new Error(`pod ${waiting?.metadata.name} is not ready: see fairlead -n ${benchNamespace} describe pod`)
    await pause(lookMs, undefined, { signal })
  }
  return servers
}

async function findServer({ client }: Cluster, node: string, family: 'ipv4' | 'ipv6'): Promise<Server> {
  const [pod, service] = await Promise.all([
    client.get(pods, { namespace: benchNamespace, name: `server-${node}` }),
    client.get(services, { namespace: benchNamespace, name: serviceOf(node) }),
  ])
  const address = (pod.status?.podIPs ?? []).find(({ ip = '' }) => ip.includes(':') === (family === 'ipv6'))?.ip
  if (address === undefined) throw new Error(`pods on ${node} have no ${family} address`)
  return { pod: address, service: service.spec.clusterIP ?? '' }
}

/** Removes the namespace with all that is in it, and waits until it is gone. Throws when it is somebody else's. */
export async function clearStage({ client }: Cluster, signal: AbortSignal): Promise<void> {
  try {
    const { metadata } = await client.get(namespaces, { name: benchNamespace })
    if (metadata.labels?.['app.kubernetes.io/managed-by'] !== ownLabel['app.kubernetes.io/managed-by'])
      throw new Error(`namespace ${benchNamespace} is not of a bench: it has not the label ${JSON.stringify(ownLabel)}`)
    if (metadata.deletionTimestamp === undefined) await client.delete(namespaces, { name: benchNamespace })
    for (;;) {
      await client.get(namespaces, { name: benchNamespace })
      await pause(lookMs, undefined, { signal })
    }
  } catch (error) {
    if (!isNotFound(error)) throw error
  }
}

function makePod(name: string, node: string, { image }: StageOptions, command: string[]): Pod {
  const isServer = name.startsWith('server-')
  return {
    metadata: { namespace: benchNamespace, name, labels: { app: isServer ? serviceOf(node) : 'client' } },
    spec: {
      // By name, past the scheduler: a node that takes no new pods is measured as well.
      nodeName: node,
      terminationGracePeriodSeconds: 0,
      automountServiceAccountToken: false,
      enableServiceLinks: false,
      tolerations: [{ operator: 'Exists' }],
      containers: [
        {
          name: 'bench',
          image,
          imagePullPolicy: 'IfNotPresent',
          command,
          ...(isServer && { readinessProbe: { tcpSocket: { port: ports.lines }, periodSeconds: 1 } }),
        },
      ],
    },
  }
}

function makeService(node: string, family: 'ipv4' | 'ipv6'): Service {
  return {
    metadata: { namespace: benchNamespace, name: serviceOf(node) },
    spec: {
      selector: { app: serviceOf(node) },
      ipFamilyPolicy: 'SingleStack',
      ipFamilies: [family === 'ipv6' ? 'IPv6' : 'IPv4'],
      ports: Object.entries(ports).map(([name, port]) => ({ name, port })),
    },
  }
}
