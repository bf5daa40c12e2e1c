// Tunnels between nodes that a router separates, judged by the packets that go over the wire.

import ipaddr from 'ipaddr.js'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { run } from '../../cni/linux/exec.ts'
import { capture } from '../support/capture.ts'
import { PodCluster, type PodNode, type TestPod } from '../support/pod-nodes.ts'

let cluster: PodCluster
let nodes: [PodNode, PodNode, PodNode]
/** On node-1, node-2 (same switch) and node-3 (behind the router). */
let here: TestPod
let near: TestPod
let far: TestPod

beforeAll(async () => {
  cluster = await PodCluster.create({ topic: 'vxlan', kind: 'vxlan', switches: [1, 1, 2] })
  const [one, two, three] = cluster.nodes
  if (one === undefined || two === undefined || three === undefined) throw new Error('there are three nodes')
  nodes = [one, two, three]
  here = await cluster.addPod('here', one)
  near = await cluster.addPod('near', two)
  far = await cluster.addPod('far', three)
  await Promise.all(
    [near, far].flatMap(({ host }) => [
      cluster.net.serve(host, 'tcp', 8080, host.name.slice(-4)),
      cluster.net.serve(host, 'tcp6', 8081, host.name.slice(-4)),
      cluster.net.serve(host, 'udp', 8082, host.name.slice(-4)),
    ]),
  )
})
afterAll(() => cluster?.close())

const tunnelled = 'udp port 4789'
/** socat writes IPv6 addresses in full. */
const addressIn = (answer: string) => ipaddr.parse(/\[(.*)\]/.exec(answer)?.[1] ?? '::').toString()
const ask = async (from: TestPod, to: TestPod) => [
  await cluster.net.askTcp(from.host, to.ips[0] ?? '', 8080),
  await cluster.net.askTcp(from.host, `[${to.ips[1]}]`, 8081),
]

test('pods behind the router are reached through the tunnel in both families, and see the true source', async () => {
  const frames = await capture(cluster.router, 'n1', tunnelled, async () => {
    const [ipv4 = '', ipv6 = ''] = await ask(here, far)
    expect(ipv4).toBe(`-far ${here.ips[0]}`)
    expect(addressIn(ipv6)).toBe(here.ips[1])
  })
  expect(frames.some((line) => line.includes(`${here.ips[0]}`))).toBe(true)
  expect(frames.some((line) => line.includes(`${here.ips[1]}`))).toBe(true)
})

test('a node on the same switch is reached by plain route', async () => {
  const frames = await capture(cluster.router, 'n1', tunnelled, async () => {
    expect((await ask(here, near)).map((answer) => answer.split(' ')[0])).toEqual(['near', 'near'])
  })
  expect(frames).toEqual([])
  expect(await nodes[0].show('ip', 'route', 'get', near.ips[0] ?? '')).toContain('via 198.18.1.12 dev eth0')
})

test('a node behind the router, which has no way back to pods, sees the pod’s node instead', async () => {
  const [one, two, three] = nodes
  await cluster.net.serve(three.host, 'tcp', 9000, 'three')
  await cluster.net.serve(two.host, 'tcp', 9000, 'two')
  expect(await cluster.net.askTcp(here.host, three.self.addresses[0] ?? '', 9000)).toBe(
    `three ${one.self.addresses[0]}`,
  )
  expect(await cluster.net.askTcp(here.host, two.self.addresses[0] ?? '', 9000)).toBe(`two ${here.ips[0]}`)
})

test('each node behind the router has one forwarding entry and a neighbour entry per family', async () => {
  const [one] = nodes
  expect((await one.show('bridge', 'fdb', 'show', 'dev', 'fairlead.1')).trim()).toBe(
    '0a:59:c6:12:02:0d dst 198.18.2.13 self permanent',
  )
  const neighbours = await one.show('ip', 'neigh', 'show', 'nud', 'permanent', 'dev', 'fairlead.1')
  expect(
    neighbours
      .trim()
      .split('\n')
      .sort()
      .map((line) => line.trim()),
  ).toEqual(['10.244.3.0 lladdr 0a:59:c6:12:02:0d PERMANENT', 'fd00:244:3:: lladdr 0a:59:c6:12:02:0d PERMANENT'])
})

test('nothing is flooded: broadcasts, multicasts and unknown addresses on the tunnel device leave no node', async () => {
  const [one] = nodes
  const show = (words: string) => one.show('sh', '-c', words)
  const strange = '0a:59:00:00:00:99'
  const shout = async () => {
    for (const target of ['10.244.99.1', '224.0.0.251', '255.255.255.255', '10.244.98.1', 'ff02::1'])
      await show(`ping -b -c1 -W1 -I fairlead.1 ${target}`).catch(() => undefined /* nobody answers */)
    // Proof that the capture sees tunnels at all.
    await run('ping', ['-c1', '-W2', far.ips[0] ?? ''], here.host)
  }
  const isFlood = (line: string) => /ff:ff:ff:ff:ff:ff|> (01:00:5e|33:33)|ARP/.test(line) || line.includes(strange)
  await show(`ip neigh add 10.244.99.1 lladdr ${strange} dev fairlead.1 nud reachable`)
  const frames = await capture(cluster.router, 'n1', tunnelled, shout)
  expect(frames.some((line) => line.includes('echo request'))).toBe(true)
  expect(frames.filter(isFlood)).toEqual([])

  // With an entry for all that is unknown, as tunnels that learn have it, they would leave.
  await show('bridge fdb append 00:00:00:00:00:00 dev fairlead.1 dst 198.18.2.13')
  expect((await capture(cluster.router, 'n1', tunnelled, shout)).filter(isFlood).length).toBeGreaterThan(2)
  expect((await one.ask('verify')).map(({ kind, state }) => `${state} ${kind}`)).toContain('extra fdb')
  await one.ask('repair')
  expect(await one.show('bridge', 'fdb', 'show', 'dev', 'fairlead.1')).not.toContain('00:00:00:00:00:00')
})

test('pods may send what fits into a tunnel, and large transfers are not fragmented', async () => {
  expect(await run('ip', ['link', 'show', 'eth0'], here.host)).toContain('mtu 1450')
  const send = (size: number, to: string) => run('ping', ['-c1', '-W2', '-M', 'do', '-s', String(size), to], here.host)
  await send(1450 - 28, far.ips[0] ?? '')
  await send(1450 - 48, far.ips[1] ?? '')
  await expect(send(1450 - 27, far.ips[0] ?? '')).rejects.toThrow()
  const fragments = await capture(cluster.router, 'sw2', 'ip[6:2] & 0x3fff != 0 or ip6[6] == 44', async () => {
    await cluster.net.start(far.host, 'iperf3', ['-s', '-1', '--forceflush'], 'listening')
    await run('iperf3', ['-c', far.ips[0] ?? '', '-n', '20M'], here.host)
  })
  expect(fragments).toEqual([])
})

test('checksums on the wire are right when the card fills them in last, also of a packet whose source was changed', async () => {
  const [one] = nodes
  // As on a card that cannot fill in checksums: the kernel has to, before the packet leaves.
  await one.show('ethtool', '-K', 'eth0', 'tx', 'off')
  await one.show('nft', 'add table ip test-nat; add chain ip test-nat post { type nat hook postrouting priority 200; }')
  await one.show('nft', `add rule ip test-nat post ip daddr ${far.ips[0]} tcp dport 8080 masquerade random`)
  const lines = await capture(
    cluster.router,
    'n1',
    `${tunnelled} and src host 198.18.1.11`,
    async () => {
      expect(await cluster.net.askTcp(one.host, far.ips[0] ?? '', 8080)).toContain('-far')
      expect(await cluster.net.askTcp(here.host, far.ips[0] ?? '', 8080)).toBe('-far 10.244.1.0')
    },
    { verbose: true },
  )
  await one.show('nft', 'delete table ip test-nat')
  await one.show('ethtool', '-K', 'eth0', 'tx', 'on')
  const text = lines.join('\n')
  expect(text).toContain('[no cksum]')
  expect(text).toContain('(correct)')
  expect(text).not.toMatch(/incorrect|bad udp cksum/)
})

test('a node that comes is reached, one that goes leaves no entry', async () => {
  const [one, two, three] = nodes
  await cluster.settle([one, two])
  expect(await one.show('bridge', 'fdb', 'show', 'dev', 'fairlead.1')).toBe('')
  expect(await one.show('ip', 'neigh', 'show', 'nud', 'permanent', 'dev', 'fairlead.1')).toBe('')
  expect(await one.show('ip', 'route', 'show', 'dev', 'fairlead.1')).toBe('')
  await cluster.settle([one, two, three])
  expect((await ask(here, far)).every((answer) => answer.startsWith('-far'))).toBe(true)
})

test('an agent that is told of host-gw takes the tunnel away, and one that is told of vxlan brings it back', async () => {
  const [one, two, three] = nodes
  await one.become('host-gw')
  await cluster.settle([one, two])
  expect(await one.show('ip', 'link')).not.toContain('fairlead.1')
  expect(await one.show('ip', 'route', 'show', 'proto', '96')).toBe('10.244.2.0/24 via 198.18.1.12 dev eth0 \n')
  expect((await ask(here, near)).map((answer) => answer.split(' ')[0])).toEqual(['near', 'near'])
  await one.become('vxlan')
  await cluster.settle([one, two, three])
  expect((await ask(here, far)).every((answer) => answer.startsWith('-far'))).toBe(true)
  expect(await one.ask('verify')).toEqual([])
})

test('tunnels over IPv6 carry both families, in packets 20 bytes smaller', async () => {
  const six = await PodCluster.create({ topic: 'vx6', kind: 'vxlan', switches: [1, 2], families: ['ipv6', 'ipv4'] })
  try {
    const [one, two] = six.nodes
    if (one === undefined || two === undefined) throw new Error('there are two nodes')
    const [a, b] = [await six.addPod('a', one), await six.addPod('b', two)]
    const [ipv6 = '', ipv4 = ''] = b.ips
    const ping = (size: number, to: string) => run('ping', ['-c1', '-W2', '-M', 'do', '-s', String(size), to], a.host)
    const frames = await capture(six.router, 'n1', 'ip6 and udp port 4789', async () => {
      await ping(1430 - 48, ipv6)
      await ping(1430 - 28, ipv4)
      await expect(ping(1430 - 27, ipv4)).rejects.toThrow()
    })
    expect(frames.filter((line) => line.includes('echo request'))).toHaveLength(2)
  } finally {
    await six.close()
  }
})
