// Nodes on one switch, with routes alone: who sees whose address, in both families.

import { afterAll, beforeAll, expect, test } from 'vitest'
import { run } from '../../cni/linux/exec.ts'
import type { Host } from '../support/namespaces.ts'
import { PodCluster, type PodNode, type TestPod } from '../support/pod-nodes.ts'

let cluster: PodCluster
let nodes: [PodNode, PodNode]
let pod: TestPod
let other: TestPod

beforeAll(async () => {
  cluster = await PodCluster.create({ topic: 'hostgw', kind: 'host-gw', switches: [1, 1], mtu: 1400 })
  const [one, two] = cluster.nodes
  if (one === undefined || two === undefined) throw new Error('there are two nodes')
  nodes = [one, two]
  pod = await cluster.addPod('pod', one)
  other = await cluster.addPod('other', two)
  for (const host of [other.host, two.host, cluster.outside])
    await cluster.net.start(host, 'python3', ['-u', '-c', sayWho], 'ready')
})
afterAll(() => cluster?.close())

/** Answers every connection with the address that it comes from. */
const sayWho = `
import socket
server = socket.create_server(('::', 8080), family=socket.AF_INET6, dualstack_ipv6=True)
print('ready')
while True:
    connection, peer = server.accept()
    connection.sendall(peer[0].removeprefix('::ffff:').encode())
    connection.close()
`

const ask = (from: Host, address: string) =>
  cluster.net.askTcp(from, address.includes(':') ? `[${address}]` : address, 8080)

test('a pod is seen by its own address by pods and nodes, and by its node’s outside', async () => {
  const [, two] = nodes
  for (const [family, own] of pod.ips.entries()) {
    expect(await ask(pod.host, other.ips[family] ?? '')).toBe(own)
    expect(await ask(pod.host, two.self.addresses[family] ?? '')).toBe(own)
    const outside = ['198.18.1.200', 'fd00:18:1::200'][family] ?? ''
    expect(await ask(pod.host, outside)).toBe(nodes[0].self.addresses[family])
  }
})

test('a node reaches pods of both nodes in both families', async () => {
  for (const address of [...pod.ips, ...other.ips]) await run('ping', ['-c1', '-W2', address], nodes[0].host)
})

test('every node has one route of ours to each range of the other, and no tunnel', async () => {
  const [one, two] = nodes
  const show = async (...family: string[]) => (await one.show('ip', ...family, 'route', 'show', 'proto', '96')).trim()
  expect(await show()).toBe(`${two.self.ranges[0]} via ${two.self.addresses[0]} dev eth0`)
  expect(await show('-6')).toMatch(new RegExp(`^${two.self.ranges[1]} via ${two.self.addresses[1]} dev eth0 `))
  expect(await one.show('ip', 'link')).not.toContain('fairlead')
})

test('pods send packets as large as the nodes’ links carry, and no larger', async () => {
  const send = (size: number, to: string) => run('ping', ['-c1', '-W2', '-M', 'do', '-s', String(size), to], pod.host)
  await send(1400 - 28, other.ips[0] ?? '')
  await send(1400 - 48, other.ips[1] ?? '')
  await expect(send(1400 - 27, other.ips[0] ?? '')).rejects.toThrow()
})

test('no IPv6 address is still probed for when a pod is attached, also the first of its node', async () => {
  const fresh = await PodCluster.create({ topic: 'first6', kind: 'host-gw', switches: [1, 1] })
  try {
    const [one, two] = fresh.nodes
    if (one === undefined || two === undefined) throw new Error('there are two nodes')
    const [a, b] = await Promise.all([fresh.addPod('a', one), fresh.addPod('b', two)])
    // For a second nobody could use it. The bridge's own would be one, were it not fixed; a pod's of its link alone may be.
    const list = ({ host }: { host: Host }, ...of: string[]) => run('ip', ['-6', 'address', 'show', ...of], host)
    const probed = [list(a, 'scope', 'global', 'tentative'), list(b, 'scope', 'global', 'tentative')]
    const onNodes = [list(one, 'tentative'), list(two, 'tentative')]
    expect(await Promise.all([...probed, ...onNodes])).toEqual(['', '', '', ''])
    await run('ping', ['-c1', '-W10', b.ips[1] ?? ''], a.host)
  } finally {
    await fresh.close()
  }
})
