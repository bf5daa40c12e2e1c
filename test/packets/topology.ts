// Two nodes with pods on a switch, and a host outside, in network namespaces; IPv4 and IPv6 everywhere.
//
//   client-1 a1 a2      client-2 b1 b2
//        cbr0                cbr0
//       node-1 ---- switch ---- node-2
//                     |
//                  outside      routes to Service addresses lead to node-1

import { run } from '../../cni/linux/exec.ts'
import { type Host, TestNetwork } from '../support/namespaces.ts'

export const networkKinds = ['host-gw', 'vxlan'] as const
export type NetworkKind = (typeof networkKinds)[number]

export const nodeNames = ['node-1', 'node-2'] as const
export type NodeName = (typeof nodeNames)[number]

export const podNames = ['client-1', 'a1', 'a2', 'client-2', 'b1', 'b2'] as const
export type PodName = (typeof podNames)[number]

/** Who can ask. */
export type HostName = NodeName | PodName | 'outside'

export interface Addresses {
  ipv4: string
  ipv6: string
}

/** Ranges that belong to the cluster. */
export const clusterCidrs = ['10.244.0.0/16', 'fd00:10:244::/48'] as const
export const serviceCidrs = ['10.96.0.0/16', 'fd00:10:96::/108'] as const
/** Addresses of load balancers and external addresses, which no host has. */
const externalCidrs = ['198.18.0.0/15', '2001:db8:ffff::/48'] as const

export const outsideAddresses: Addresses = { ipv4: '192.0.2.100', ipv6: '2001:db8::100' }
export const nodeAddresses: Record<NodeName, Addresses> = {
  'node-1': { ipv4: '192.0.2.11', ipv6: '2001:db8::11' },
  'node-2': { ipv4: '192.0.2.12', ipv6: '2001:db8::12' },
}

/** The node that a pod is on. */
export function nodeOf(pod: PodName): NodeName {
  return nodeNumber(pod) === 1 ? 'node-1' : 'node-2'
}

export function podAddresses(pod: PodName): Addresses {
  const last = 2 + (podNames.indexOf(pod) % 3)
  return { ipv4: `10.244.${nodeNumber(pod)}.${last}`, ipv6: `fd00:10:244:${nodeNumber(pod)}::${last}` }
}

/** Addresses that a node may put in place of a client's own. */
export function ownAddresses(node: NodeName): string[] {
  const number = nodeNames.indexOf(node) + 1
  const { ipv4, ipv6 } = nodeAddresses[node]
  return [ipv4, ipv6, `10.244.${number}.1`, `fd00:10:244:${number}::1`, `10.255.0.${number}`, `fd00:10:255::${number}`]
}

export function isPod(name: HostName): name is PodName {
  return podNames.some((pod) => pod === name)
}

function nodeNumber(pod: PodName): number {
  return podNames.indexOf(pod) < 3 ? 1 : 2
}

export class Topology {
  readonly #network: TestNetwork
  readonly #hosts = new Map<HostName, Host>()

  private constructor(network: TestNetwork) {
    this.#network = network
  }

  /** Builds all hosts; what a killed run left is removed first. The topic is short: it goes into names. */
  static async create(topic: string, kind: NetworkKind): Promise<Topology> {
    const topology = new Topology(await TestNetwork.create(topic))
    await topology.#build(kind)
    return topology
  }

  host(name: HostName): Host {
    const host = this.#hosts.get(name)
    if (host === undefined) throw new Error(`no host ${name}`)
    return host
  }

  async close(): Promise<void> {
    await this.#network.close()
  }

  async #build(kind: NetworkKind): Promise<void> {
    const lan = await this.#network.addHost('switch')
    await batch(lan, ['link add br0 type bridge mcast_snooping 0', 'link set br0 up'])
    for (const name of [...nodeNames, ...podNames, 'outside'] as const) await this.#addHost(name)
    for (const node of nodeNames) await this.#plugIn(lan, node, nodeAddresses[node])
    await this.#plugIn(lan, 'outside', outsideAddresses)
    for (const node of nodeNames) await this.#setUpNode(node)
    await Promise.all(podNames.map((pod) => this.#addPod(pod, kind)))
    for (const node of nodeNames) await this.#connectNode(node, kind)
    await this.#routeFromOutside()
  }

  async #addHost(name: HostName): Promise<void> {
    const host = await this.#network.addHost(name)
    // Links may be used at once, also by their link-local addresses, which neighbour discovery between nodes needs.
    // Refusals are asked for by the hundred: no kind of ICMP message that exists may be held back.
    await run(
      'sysctl',
      ['-qw', 'net.ipv6.conf.default.accept_dad=0', 'net.ipv4.icmp_ratemask=0', 'net.ipv6.icmp.ratemask=200'],
      host,
    )
    // The kernel forgets an SCTP handshake after three seconds, which can pass on a machine that has much to do.
    const patience = ['cookie_wait', 'cookie_echoed'].map(
      (state) => `net.netfilter.nf_conntrack_sctp_timeout_${state}=60`,
    )
    await run('sysctl', ['-qew', ...patience], host)
    this.#hosts.set(name, host)
  }

  /** Gives a host its cable to the switch. */
  async #plugIn(lan: Host, name: HostName, { ipv4, ipv6 }: Addresses): Promise<void> {
    const host = this.host(name)
    await batch(lan, [
      `link add ${name} type veth peer name eth0 netns ${host.name}`,
      `link set ${name} master br0`,
      `link set ${name} up`,
    ])
    await batch(host, [`address add ${ipv4}/24 dev eth0`, `address add ${ipv6}/64 dev eth0 nodad`, 'link set eth0 up'])
  }

  async #setUpNode(node: NodeName): Promise<void> {
    const host = this.host(node)
    const number = nodeNames.indexOf(node) + 1
    await batch(host, [
      'link add cbr0 type bridge mcast_snooping 0',
      `address add 10.244.${number}.1/24 dev cbr0`,
      `address add fd00:10:244:${number}::1/64 dev cbr0 nodad`,
      'link set cbr0 up',
      // A Service address needs a route for the routing decision that comes before the rules, as on a real node.
      `route add default via ${outsideAddresses.ipv4}`,
      `route add default via ${outsideAddresses.ipv6}`,
    ])
    await run(
      'sysctl',
      [
        '-qw',
        'net.ipv4.ip_forward=1',
        'net.ipv6.conf.all.forwarding=1',
        'net.bridge.bridge-nf-call-iptables=1',
        'net.bridge.bridge-nf-call-ip6tables=1',
      ],
      host,
    )
  }

  async #addPod(pod: PodName, kind: NetworkKind): Promise<void> {
    const [host, node] = [this.host(pod), this.host(nodeOf(pod))]
    const { ipv4, ipv6 } = podAddresses(pod)
    const gateway = nodeNumber(pod)
    await batch(node, [
      `link add ${pod} type veth peer name eth0 netns ${host.name}`,
      `link set ${pod} master cbr0`,
      `link set ${pod} type bridge_slave hairpin on`,
      `link set ${pod} up`,
    ])
    await batch(host, [
      `link set eth0 mtu ${kind === 'vxlan' ? 1450 : 1500}`,
      `address add ${ipv4}/24 dev eth0`,
      `address add ${ipv6}/64 dev eth0 nodad`,
      'link set eth0 up',
      `route add default via 10.244.${gateway}.1`,
      `route add default via fd00:10:244:${gateway}::1`,
    ])
  }

  /** Routes to the other node's pods: by its address, or by a tunnel to it. */
  async #connectNode(node: NodeName, kind: NetworkKind): Promise<void> {
    const [self, other] = node === 'node-1' ? [1, 2] : [2, 1]
    const peer = nodeAddresses[`node-${other}` as NodeName]
    const isTunnel = kind === 'vxlan'
    const [via4, via6] = isTunnel ? [`10.255.0.${other}`, `fd00:10:255::${other}`] : [peer.ipv4, peer.ipv6]
    const tunnel = [
      `link add tunnel type vxlan id 7 dstport 4789 local ${nodeAddresses[node].ipv4} remote ${peer.ipv4} dev eth0`,
      `address add 10.255.0.${self}/24 dev tunnel`,
      `address add fd00:10:255::${self}/64 dev tunnel nodad`,
      'link set tunnel up',
    ]
    await batch(this.host(node), [
      ...(isTunnel ? tunnel : []),
      `route add 10.244.${other}.0/24 via ${via4}`,
      `route add fd00:10:244:${other}::/64 via ${via6}`,
    ])
  }

  async #routeFromOutside(): Promise<void> {
    const { ipv4, ipv6 } = nodeAddresses['node-1']
    await batch(
      this.host('outside'),
      [...serviceCidrs, ...externalCidrs].map((range) => `route add ${range} via ${range.includes(':') ? ipv6 : ipv4}`),
    )
  }
}

async function batch(host: Host, lines: string[]): Promise<void> {
  await run('ip', ['-batch', '-'], { ...host, input: `${lines.join('\n')}\n` })
}
