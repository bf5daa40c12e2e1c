// What the programs on IPVS share: a node with a client pod and two backends behind it, a host outside, and a Service.

import type { ServicePort } from '../../../agent/proxy/table.ts'
import { run } from '../../../cni/linux/exec.ts'
import { Prober } from '../../packets/prober.ts'
import { type Host, TestNetwork } from '../../support/namespaces.ts'

export const clusterCidrs = ['10.244.0.0/16', 'fd00:244::/56']
export const clusterIp = '10.96.0.5'

/** Seconds that an answer may take in a guest without KVM. */
export const patience = 20

const names = ['node', 'client', 'b1', 'b2', 'outside'] as const
type Name = (typeof names)[number]

export interface IpvsNode {
  net: TestNetwork
  hosts: Record<Name, Host>
  /** One in each host, which answers by the host's name at the ports 8080 (TCP) and 5353 (UDP). */
  probers: Record<Name, Prober>
  close(): Promise<void>
}

export async function makeIpvsNode(topic: string): Promise<IpvsNode> {
  const net = await TestNetwork.create(topic)
  const hosts = await recordOf((name) => net.addHost(name))
  const { node, client, b1, b2, outside } = hosts
  for (const [at, [name, pod]] of Object.entries({ client, b1, b2 }).entries()) {
    await net.connect(node, `to-${name}`, `10.244.${at + 1}.1/24`, pod, 'eth0', `10.244.${at + 1}.2/24`)
    await net.ip(pod, `route add default via 10.244.${at + 1}.1`)
  }
  await net.connect(node, 'uplink', '192.0.2.1/24', outside, 'eth0', '192.0.2.2/24')
  await net.ip(node, 'route add default via 192.0.2.2')
  await net.ip(outside, 'route add 10.96.0.0/16 via 192.0.2.1')
  await run('sysctl', ['-qw', 'net.ipv4.ip_forward=1'], node)
  const probers = await recordOf((name) => Prober.start(hosts[name], name, patience))
  const close = async () => {
    for (const prober of Object.values(probers)) prober.close()
    await net.close()
  }
  return { net, hosts, probers, close }
}

async function recordOf<Value>(make: (name: Name) => Promise<Value>): Promise<Record<Name, Value>> {
  const entries: [Name, Value][] = []
  for (const name of names) entries.push([name, await make(name)])
  return Object.fromEntries(entries) as Record<Name, Value>
}

/** The host's name in an answer. */
export function nameOf(answer: string): string {
  return answer.split(' ')[0] ?? ''
}

export const one = { ip: '10.244.2.2', port: 8080, local: true }
export const two = { ip: '10.244.3.2', port: 8080, local: true }

/** The Service default/web, served by both backends unless it is said otherwise. */
export function web(over: Partial<ServicePort> = {}): ServicePort {
  return {
    id: 'default/web:http',
    protocol: 'tcp',
    clusterIp,
    port: 80,
    nodePort: 30080,
    externalIps: [],
    family: 'ipv4',
    loadBalancerIps: [],
    sourceRanges: [],
    internalPolicy: 'Cluster',
    externalPolicy: 'Cluster',
    cluster: [one, two],
    local: [],
    ...over,
  }
}
