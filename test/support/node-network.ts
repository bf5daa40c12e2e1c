// Two nodes with pods for kernel tests, wired as the agent and cbr wire them: pods on a bridge, nodes on a switch, routes by
// host-gw or VXLAN, the node's rules. Pictures of them are taken by the agent's own collector.

import { collectState } from '../../agent/net/collect.ts'
import type { NamespaceState, Place } from '../../api/net/state.ts'
import { run } from '../../cni/linux/exec.ts'
import { restoreRules } from '../../cni/linux/iptables.ts'
import { type Host, TestNetwork } from './namespaces.ts'

export interface TestPod {
  name: string
  host: Host
  node: TestNode
  ip: string
  ip6: string
}

export interface TestNode {
  name: string
  host: Host
  index: number
  address: string
  address6: string
}

export interface TestCluster {
  network: TestNetwork
  nodes: TestNode[]
  pods: TestPod[]
  outside: Host
  /** All nodes and pods. */
  places: { place: Place; host: Host }[]
  /** Pictures of all nodes and pods. */
  pictures(addresses?: readonly string[]): Promise<NamespaceState[]>
  close(): Promise<void>
}

const outsideAddress = '192.0.2.200'

/** Nodes node-1, node-2; pods a and b on the first, c on the second; each pod listens on TCP and UDP 8080 and, by IPv6, on TCP 8081; nodes and outside on TCP 9000. */
export async function makeCluster(
  topic: string,
  { kind = 'host-gw' }: { kind?: 'host-gw' | 'vxlan' } = {},
): Promise<TestCluster> {
  const network = await TestNetwork.create(topic)
  const exchange = await network.addHost('switch')
  await run('ip', ['link', 'add', 'sw0', 'type', 'bridge'], exchange)
  await run(
    'sysctl',
    ['-qw', 'net.bridge.bridge-nf-call-iptables=0', 'net.bridge.bridge-nf-call-ip6tables=0'],
    exchange,
  )
  await run('ip', ['link', 'set', 'sw0', 'up'], exchange)
  const outside = await network.addHost('outside')
  // It is nobody's router, whatever namespaces begin with.
  await run('sysctl', ['-qw', 'net.ipv4.ip_forward=0', 'net.ipv6.conf.all.forwarding=0'], outside)
  await plugIn(outside, exchange, 'outside', [`${outsideAddress}/24`, '2001:db8::200/64'])
  const nodes = await Promise.all([1, 2].map((index) => addNode(network, exchange, index)))
  for (const node of nodes) await connectNode(node, nodes.find((other) => other !== node) ?? node, kind)
  const pods = await Promise.all(
    [
      ['a', 0, 2],
      ['b', 0, 3],
      ['c', 1, 2],
    ].map(([name, at, host]) => {
      const mtu = kind === 'vxlan' ? 1450 : 1500
      return addPod(network, nodes[Number(at)] as TestNode, String(name), Number(host), mtu)
    }),
  )
  await Promise.all([
    ...pods.flatMap(({ host, name }) => [
      network.serve(host, 'tcp', 8080, name),
      network.serve(host, 'tcp6', 8081, name),
      network.serve(host, 'udp', 8080, name),
    ]),
    ...nodes.map(({ host, name }) => network.serve(host, 'tcp', 9000, name)),
    network.serve(outside, 'tcp', 9000, 'outside'),
  ])
  const places: TestCluster['places'] = [
    ...nodes.map(({ name, host }) => ({ place: { node: name }, host })),
    ...pods.map(({ name, host, node }) => ({ place: { node: node.name, pod: `default/${name}` }, host })),
  ]
  return {
    network,
    nodes,
    pods,
    outside,
    places,
    pictures: (addresses = []) =>
      Promise.all(places.map(({ place, host }) => collectState({ place, netns: host.netns, addresses }))),
    close: () => network.close(),
  }
}

/** A veth pair to the switch with these addresses. */
async function plugIn(host: Host, exchange: Host, port: string, addresses: string[]): Promise<void> {
  await run('ip', ['-batch', '-'], {
    ...exchange,
    input: `link add ${port} type veth peer name eth0 netns ${host.name}\nlink set ${port} master sw0 up\n`,
  })
  await run('ip', ['-batch', '-'], {
    ...host,
    input: `${addresses.map((address) => `addr add ${address} dev eth0${address.includes(':') ? ' nodad' : ''}`).join('\n')}\nlink set eth0 up\n`,
  })
}

async function addNode(network: TestNetwork, exchange: Host, index: number): Promise<TestNode> {
  const host = await network.addHost(`node-${index}`)
  const node = { name: `node-${index}`, host, index, address: `192.0.2.${index}`, address6: `2001:db8::${index}` }
  await plugIn(host, exchange, `n${index}`, [`${node.address}/24`, `${node.address6}/64`])
  await run(
    'sysctl',
    [
      '-qw',
      'net.ipv4.ip_forward=1',
      'net.ipv6.conf.all.forwarding=1',
      'net.ipv4.conf.all.rp_filter=0',
      'net.ipv4.conf.default.rp_filter=0',
      'net.bridge.bridge-nf-call-iptables=1',
      'net.bridge.bridge-nf-call-ip6tables=1',
      // Refusals are told each time, not once a second.
      'net.ipv4.icmp_ratelimit=0',
      'net.ipv6.icmp.ratelimit=0',
    ],
    host,
  )
  await run('ip', ['-batch', '-'], {
    ...host,
    input: [
      'link add cbr0 type bridge forward_delay 0',
      `addr add 10.244.${index}.1/24 dev cbr0`,
      `addr add fd00:10:244:${index}::1/64 dev cbr0 nodad`,
      'link set cbr0 up',
      `route add default via ${outsideAddress}`,
      '',
    ].join('\n'),
  })
  await restoreRules(masquerade(index), host)
  return node
}

/** Pods show their own address to pods and nodes, the node's to everybody else. */
const masquerade = (index: number) => `*nat
:FAIRLEAD-MASQ - [0:0]
-A FAIRLEAD-MASQ -d 192.0.2.1/32 -j RETURN
-A FAIRLEAD-MASQ -d 192.0.2.2/32 -j RETURN
-A FAIRLEAD-MASQ -j MASQUERADE
-A POSTROUTING -s 10.244.${index}.0/24 ! -d 10.244.0.0/16 -m comment --comment "fairlead: pods to outside the cluster" -j FAIRLEAD-MASQ
COMMIT
`

async function connectNode({ host, index }: TestNode, other: TestNode, kind: 'host-gw' | 'vxlan'): Promise<void> {
  const range = `10.244.${other.index}.0/24`
  const mac = (of: number) => `02:00:00:00:00:0${of}`
  const lines =
    kind === 'host-gw'
      ? [
          `route add ${range} via ${other.address} proto 96`,
          `route add fd00:10:244:${other.index}::/64 via ${other.address6} proto 96`,
        ]
      : [
          `link add vxlan0 address ${mac(index)} mtu 1450 type vxlan id 1 local 192.0.2.${index} dstport 8472 nolearning`,
          'link set vxlan0 up',
          `addr add 10.244.${index}.0/32 dev vxlan0`,
          `neigh add 10.244.${other.index}.0 lladdr ${mac(other.index)} dev vxlan0 nud permanent`,
          `route add ${range} via 10.244.${other.index}.0 dev vxlan0 onlink proto 96`,
        ]
  await run('ip', ['-batch', '-'], { ...host, input: `${lines.join('\n')}\n` })
  if (kind === 'vxlan')
    await run('bridge', ['fdb', 'append', mac(other.index), 'dev', 'vxlan0', 'dst', other.address], host)
}

async function addPod(network: TestNetwork, node: TestNode, name: string, last: number, mtu: number): Promise<TestPod> {
  const host = await network.addHost(name)
  const ip = `10.244.${node.index}.${last}`
  const ip6 = `fd00:10:244:${node.index}::${last}`
  await run('ip', ['-batch', '-'], {
    ...node.host,
    input: `link add to-${name} mtu ${mtu} type veth peer name eth0 mtu ${mtu} netns ${host.name}\nlink set to-${name} master cbr0 up\n`,
  })
  await run('bridge', ['link', 'set', 'dev', `to-${name}`, 'hairpin', 'on'], node.host)
  await run('ip', ['-batch', '-'], {
    ...host,
    input: [
      `addr add ${ip}/24 dev eth0`,
      `addr add ${ip6}/64 dev eth0 nodad`,
      'link set eth0 up',
      `route add default via 10.244.${node.index}.1`,
      `route add default via fd00:10:244:${node.index}::1`,
      '',
    ].join('\n'),
  })
  return { name, host, node, ip, ip6 }
}
