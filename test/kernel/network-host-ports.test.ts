// Ports of a node that lead to a pod, asked from everywhere.

import { afterAll, beforeAll, expect, test } from 'vitest'
import { run } from '../../cni/linux/exec.ts'
import type { Host } from '../support/namespaces.ts'
import { PodCluster, type PodNode, type TestPod } from '../support/pod-nodes.ts'

let cluster: PodCluster
let node: PodNode
let far: PodNode
/** Has the host ports. */
let server: TestPod
/** On the same node, and on the other. */
let neighbour: TestPod
let farPod: TestPod

const tcp = { hostPort: 8080, containerPort: 80, protocol: 'tcp' } as const
const udp = { hostPort: 8081, containerPort: 81, protocol: 'udp' } as const
const [node4, node6] = ['198.18.1.11', 'fd00:18:1::11']

beforeAll(async () => {
  cluster = await PodCluster.create({ topic: 'hport', kind: 'host-gw', switches: [1, 1] })
  const [one, two] = cluster.nodes
  if (one === undefined || two === undefined) throw new Error('there are two nodes')
  node = one
  far = two
  const onGateway = { hostPort: 8082, containerPort: 80, protocol: 'tcp', hostIp: '10.244.1.1' } as const
  const onLoopback = { hostPort: 8083, containerPort: 80, protocol: 'tcp', hostIp: '127.0.0.1' } as const
  server = await cluster.addPod('server', one, { portMappings: [tcp, udp, onGateway, onLoopback] })
  neighbour = await cluster.addPod('near', one)
  farPod = await cluster.addPod('far', two)
  await serve(server, 'server')
})
afterAll(() => cluster?.close())

/** Answers TCP on port 80 and UDP on port 81, in both families, with the text and the client's address. */
async function serve({ host }: TestPod, text: string): Promise<void> {
  await cluster.net.start(host, 'python3', ['-u', '-c', program, text], 'ready')
}

const program = `
import socket, sys, threading
def say(peer):
    return (sys.argv[1] + ' ' + peer[0].removeprefix('::ffff:')).encode()
stream = socket.create_server(('::', 80), family=socket.AF_INET6, dualstack_ipv6=True)
datagram = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
datagram.bind(('::', 81))
def datagrams():
    while True:
        peer = datagram.recvfrom(100)[1]
        datagram.sendto(say(peer), peer)
threading.Thread(target=datagrams, daemon=True).start()
print('ready')
while True:
    connection, peer = stream.accept()
    connection.sendall(say(peer))
    connection.close()
`

const bracket = (address: string) => (address.includes(':') ? `[${address}]` : address)
const askTcp = (from: Host, address: string, port = 8080) => cluster.net.askTcp(from, bracket(address), port)

async function askUdp(from: Host, address: string, port = 8081): Promise<string> {
  const words = ['-T1', '-', `UDP:${bracket(address)}:${port}`]
  return (await run('socat', words, { ...from, input: 'ask\n' }).catch(() => '')).trim()
}

test('from outside, by either family, the pod sees the client itself', async () => {
  expect(await askTcp(cluster.outside, node4)).toBe('server 198.18.1.200')
  expect(await askTcp(cluster.outside, node6)).toBe('server fd00:18:1::200')
  expect(await askUdp(cluster.outside, node4)).toBe('server 198.18.1.200')
  expect(await askUdp(cluster.outside, node6)).toBe('server fd00:18:1::200')
})

test('from the other node and its pods', async () => {
  expect(await askTcp(far.host, node4)).toBe('server 198.18.1.12')
  expect(await askUdp(far.host, node6)).toBe('server fd00:18:1::12')
  expect(await askTcp(farPod.host, node4)).toBe(`server ${farPod.ips[0]}`)
  expect(await askUdp(farPod.host, node6)).toBe(`server ${farPod.ips[1]}`)
})

test('from the node itself, by its addresses and by 127.0.0.1', async () => {
  for (const address of [node4, node6, '127.0.0.1', '10.244.1.1']) {
    expect(await askTcp(node.host, address), address).toMatch(/^server /)
    expect(await askUdp(node.host, address), address).toMatch(/^server /)
  }
})

test('from a pod of the node, and from the pod itself', async () => {
  for (const { host, ips } of [neighbour, server]) {
    expect(await askTcp(host, node4), ips[0]).toMatch(/^server /)
    expect(await askTcp(host, node6), ips[1]).toMatch(/^server /)
    expect(await askUdp(host, node4), ips[0]).toMatch(/^server /)
    expect(await askUdp(host, node6), ips[1]).toMatch(/^server /)
  }
  expect(await askUdp(neighbour.host, node4)).toBe(`server ${neighbour.ips[0]}`)
})

test('a port of one address answers there alone', async () => {
  expect(await askTcp(neighbour.host, '10.244.1.1', 8082)).toMatch(/^server /)
  expect(await askTcp(cluster.outside, node4, 8082)).toBe('')
  expect(await askTcp(node.host, '127.0.0.1', 8083)).toMatch(/^server /)
  expect(await askTcp(node.host, node4, 8083)).toBe('')
})

test('nothing but replies comes to the node’s loopback from a pod', async () => {
  await cluster.net.serve(node.host, 'tcp', 9001, 'node')
  await run('ip', ['route', 'add', '127.0.0.2/32', 'via', '10.244.1.1', 'table', '77'], neighbour.host).catch(() => '')
  await run('sysctl', ['-qw', 'net.ipv4.conf.all.route_localnet=1'], neighbour.host)
  await run('ip', ['-batch', '-'], {
    ...neighbour.host,
    input: 'rule add to 127.0.0.2 lookup 77 pref 0\nrule del pref 0 lookup local\nrule add pref 10 lookup local\n',
  })
  expect(await askTcp(neighbour.host, '127.0.0.2', 9001)).toBe('')
  const rules = await node.show('nft', 'list', 'table', 'bridge', 'fairlead-cbr0')
  expect(rules).toMatch(/ip daddr 127\.0\.0\.0\/8 counter packets [1-9]/)
  expect(await askTcp(node.host, '127.0.0.2', 9001)).toMatch(/^node /)
})

test('a port that another pod has is refused by name, and the pod that has it keeps it', async () => {
  const host = await cluster.net.addHost('second')
  const request = {
    sandboxId: 'second',
    pod: { namespace: 'default', name: 'second', uid: 'second' },
    netns: host.netns,
  }
  await expect(node.ask('attach', { ...request, portMappings: [tcp] })).rejects.toThrow("tcp/8080 is another pod's")
  expect(await askTcp(cluster.outside, node4)).toMatch(/^server /)
})

test('a UDP client goes on to the next pod that gets the port', async () => {
  expect(await askUdp(cluster.outside, node4)).toMatch(/^server /)
  const client = 'sourceport=5555'
  const steady = async () =>
    (
      await run('socat', ['-T1', '-', `UDP:${node4}:8081,${client}`], { ...cluster.outside, input: 'ask\n' }).catch(
        () => '',
      )
    ).trim()
  expect(await steady()).toMatch(/^server /)
  await node.ask('detach', server.sandboxId)
  expect(await askTcp(cluster.outside, node4)).toBe('')
  const next = await cluster.addPod('next', node, { portMappings: [tcp, udp] })
  await serve(next, 'next')
  expect(await steady()).toMatch(/^next /)
  expect(await askTcp(cluster.outside, node4)).toMatch(/^next /)
})

test('what others took away is found and put back', async () => {
  await node.show('nft', 'flush', 'map', 'inet', 'fairlead-cbr0', 'any4')
  expect((await node.ask('verify')).map(({ name, state, owner }) => ({ name, state, owner }))).toEqual(
    ['tcp . 8080', 'udp . 8081'].map((key) => ({
      name: expect.stringContaining(`any4 ${key}`),
      state: 'missing',
      owner: 'Pod default/next',
    })),
  )
  expect(await askTcp(cluster.outside, node4)).toBe('')
  await node.ask('repair')
  expect(await askTcp(cluster.outside, node4)).toMatch(/^next /)
  await node.show('nft', 'delete', 'table', 'inet', 'fairlead-cbr0')
  await node.ask('repair')
  expect(await askTcp(cluster.outside, node4)).toMatch(/^next /)
  expect(await node.ask('verify')).toEqual([])
})
