// What the programs on IPVS share: a node with a client pod and two backends behind it, a host outside, and a Service.

import { Prober } from '../../packets/prober.ts'
import type { Host, TestNetwork } from '../../support/namespaces.ts'
import { type HostName, makeProxyNode, recordHosts } from '../../support/proxy-node.ts'

export const clusterCidrs = ['10.244.0.0/16', 'fd00:244::/56']

/** Seconds that an answer may take in a guest without KVM. */
export const patience = 20

export interface IpvsNode {
  net: TestNetwork
  hosts: Record<HostName, Host>
  /** One in each host, which answers by the host's name at the ports 8080 (TCP) and 5353 (UDP). */
  probers: Record<HostName, Prober>
  close(): Promise<void>
}

export async function makeIpvsNode(topic: string): Promise<IpvsNode> {
  const { net, hosts } = await makeProxyNode(topic)
  const probers = await recordHosts((name) => Prober.start(hosts[name], name, patience))
  const close = async () => {
    for (const prober of Object.values(probers)) prober.close()
    await net.close()
  }
  return { net, hosts, probers, close }
}

/** The host's name in an answer. */
export function nameOf(answer: string): string {
  return answer.split(' ')[0] ?? ''
}
