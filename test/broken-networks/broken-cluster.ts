// The cluster that the cases break: two nodes, three pods, and Services written by the proxy itself.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { NftablesBackend } from '../../agent/policy/nftables/nftables-backend.ts'
import { PolicyTable } from '../../agent/policy/table.ts'
import type { ProxyBackend } from '../../agent/proxy/backend.ts'
import { createBackend, type ProxyMode } from '../../agent/proxy/modes.ts'
import type { ServicePort } from '../../agent/proxy/table.ts'
import { makeServicePort } from '../../agent/proxy/test-ports.ts'
import { CommandError, run } from '../../cni/linux/exec.ts'
import type { Host } from '../support/namespaces.ts'
import { makeCluster, type TestCluster, type TestNode, type TestPod } from '../support/node-network.ts'

export interface BrokenCluster extends TestCluster {
  backends: Map<string, ProxyBackend>
  /** Fills connection tracking of the node to the last entry. */
  fillConnections(node: string): Promise<void>
  host(name: string): Host
  pod(name: string): TestPod
  close(): Promise<void>
}

/** ClusterIPs by name of the Service, which is in the namespace default. */
export const clusterIps: Record<string, string> = {
  web: '10.96.0.5',
  self: '10.96.0.6',
  near: '10.96.0.7',
  none: '10.96.0.8',
  gone: '10.96.0.9',
  deaf: '10.96.0.10',
  web6: 'fd00:10:96::5',
  self6: 'fd00:10:96::6',
  none6: 'fd00:10:96::8',
}

export const balancerIp = '198.51.100.7'

export async function makeBrokenCluster(
  topic: string,
  options: { kind?: 'host-gw' | 'vxlan'; mode?: ProxyMode } = {},
): Promise<BrokenCluster> {
  const cluster = await makeCluster(topic, options)
  const backends = new Map<string, ProxyBackend>()
  for (const node of cluster.nodes) {
    const backend = createBackend(options.mode ?? 'iptables', {
      clusterCidrs: ['10.244.0.0/16', 'fd00:10:244::/48'],
      serviceCidrs: ['10.96.0.0/16', 'fd00:10:96::/108'],
      netns: node.host.netns,
    })
    await backend.apply(servicesOf(cluster, node))
    // The routing decision comes before a refusal. As on real nodes, where this is a default route's.
    await run('ip', ['-6', 'route', 'add', 'fd00:10:96::/108', 'via', '2001:db8::200'], node.host)
    backends.set(node.name, backend)
  }
  const hosts = new Map([
    ...cluster.nodes.map(({ name, host }): [string, Host] => [name, host]),
    ...cluster.pods.map(({ name, host }): [string, Host] => [name, host]),
    ['outside', cluster.outside] as [string, Host],
  ])
  const host = (name: string) => {
    const found = hosts.get(name)
    if (found === undefined) throw new Error(`no host ${name}`)
    return found
  }
  const pod = (name: string) => {
    const found = cluster.pods.find((each) => each.name === name)
    if (found === undefined) throw new Error(`no pod ${name}`)
    return found
  }
  // So that a balancer's address leads to a node, as its announcer makes it.
  await run('ip', ['route', 'add', `${balancerIp}/32`, 'via', '192.0.2.2'], cluster.outside)
  return { ...cluster, backends, host, pod, fillConnections: (node) => fillConnections(host(node)) }
}

/** One entry for each address of a range, restored in one go; ends when the kernel takes no more. */
async function fillConnections(host: Host): Promise<void> {
  const max = Number(await readFile('/proc/sys/net/netfilter/nf_conntrack_max', 'utf8'))
  const lines = Array.from({ length: max + 100 }, (_, at) => {
    const client = `172.${16 + (at >> 16)}.${(at >> 8) & 255}.${at & 255}`
    return `-A -t 600 -u SEEN_REPLY,ASSURED -p udp -s ${client} -d 198.18.0.1 --sport 1 --dport 53 -r 198.18.0.1 -q ${client} --reply-port-src 53 --reply-port-dst 1\n`
  })
  const file = join(mkdtempSync(join(tmpdir(), 'fl-conntrack-')), 'entries')
  writeFileSync(file, lines.join(''))
  // The last lines do not fit, which is what this is for.
  await run('conntrack', ['-R', file], host).catch((error: unknown) => {
    if (!(error instanceof CommandError)) throw error
  })
  rmSync(dirname(file), { recursive: true })
}

function servicesOf({ pods }: TestCluster, node: TestNode): Map<string, ServicePort[]> {
  const [a, b, c] = pods
  const at = (pod: TestPod | undefined, port = 8080) =>
    pod === undefined ? [] : [{ ip: pod.ip, port, local: pod.node === node }]
  const service = (name: string, cluster: ServicePort['cluster'], over: Partial<ServicePort> = {}) =>
    makeServicePort({ id: `default/${name}`, clusterIp: clusterIps[name] ?? '', cluster, ...over })
  const six = (name: string, pod?: TestPod) => {
    const endpoints = pod === undefined ? [] : [{ ip: pod.ip6, port: 8081, local: pod.node === node }]
    return [service(name, endpoints, { family: 'ipv6' })]
  }
  const balanced = { nodePort: 30080, loadBalancerIps: [balancerIp], sourceRanges: ['203.0.113.0/24'] }
  return new Map([
    [
      'default/web',
      [service('web', at(c), balanced), service('web', at(c), { id: 'default/web:udp', protocol: 'udp' })],
    ],
    ['default/self', [service('self', at(a))]],
    ['default/near', [service('near', at(b))]],
    ['default/none', [service('none', [])]],
    ['default/gone', [service('gone', [{ ip: '10.244.2.99', port: 8080, local: false }])]],
    ['default/deaf', [service('deaf', at(c, 9999))]],
    ['default/web6', six('web6', c)],
    ['default/self6', six('self6', a)],
    ['default/none6', six('none6')],
  ])
}

/** Isolates pod c by policy default/deny in one direction, as the agent of its node would. */
export async function writePolicy(
  cluster: BrokenCluster,
  on: 'a' | 'c',
  direction: 'Ingress' | 'Egress',
): Promise<void> {
  const table = new PolicyTable()
  const pod = cluster.pod(on)
  table.setNamespace('default', {})
  table.setPolicy('default/deny', {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'NetworkPolicy',
    metadata: { name: 'deny', namespace: 'default', uid: '1', resourceVersion: '1', creationTimestamp: '' },
    spec: { podSelector: { matchLabels: { app: on } }, policyTypes: [direction] },
  })
  const key = `default/${on}`
  table.setPod(key, { key, namespace: 'default', labels: { app: on }, ips: [pod.ip], local: true, ports: [] })
  await new NftablesBackend({ netns: pod.node.host.netns }).apply(table.takeChanges())
}
