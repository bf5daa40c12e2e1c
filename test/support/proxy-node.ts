// A node for tests of one proxy: a client pod and two backends behind it, a host outside.

import type { ServicePort } from '../../agent/proxy/table.ts'
import { makeEndpoint, makeServicePort } from '../../agent/proxy/test-ports.ts'
import { run } from '../../cni/linux/exec.ts'
import { type Host, TestNetwork } from './namespaces.ts'

const pods = ['client', 'b1', 'b2'] as const
const hostNames = ['node', ...pods, 'outside'] as const
export type HostName = (typeof hostNames)[number]

export interface ProxyNode {
  net: TestNetwork
  hosts: Record<HostName, Host>
}

/** Pods have 10.244.N.2, of the backends b1 and b2 10.244.2.2 and 10.244.3.2; the node has 192.0.2.1, the host outside 192.0.2.2. */
export async function makeProxyNode(topic: string): Promise<ProxyNode> {
  const net = await TestNetwork.create(topic)
  const hosts = await recordHosts((name) => net.addHost(name))
  const { node, outside } = hosts
  for (const [at, name] of pods.entries()) {
    await net.connect(node, `to-${name}`, `10.244.${at + 1}.1/24`, hosts[name], 'eth0', `10.244.${at + 1}.2/24`)
    await net.ip(hosts[name], `route add default via 10.244.${at + 1}.1`)
  }
  await net.connect(node, 'uplink', '192.0.2.1/24', outside, 'eth0', '192.0.2.2/24')
  // A Service address needs a route for the routing decision that comes before the rules, as a default route gives on a real node.
  await net.ip(node, 'route add default via 192.0.2.2')
  await net.ip(outside, 'route add 10.96.0.0/16 via 192.0.2.1')
  await run('sysctl', ['-qw', 'net.ipv4.ip_forward=1'], node)
  return { net, hosts }
}

/** A value for each host, made one after the other. */
export async function recordHosts<Value>(make: (name: HostName) => Promise<Value>): Promise<Record<HostName, Value>> {
  const entries: [HostName, Value][] = []
  for (const name of hostNames) entries.push([name, await make(name)])
  return Object.fromEntries(entries) as Record<HostName, Value>
}

/** The backends b1 and b2. */
export const one = makeEndpoint('10.244.2.2', { local: true })
export const two = makeEndpoint('10.244.3.2', { local: true })
export const clusterIp = '10.96.0.5'

/** The Service default/web, served by both backends unless it is said otherwise. */
export function web(over: Partial<ServicePort> = {}): ServicePort {
  return makeServicePort({ clusterIp, nodePort: 30080, cluster: [one, two], ...over })
}
