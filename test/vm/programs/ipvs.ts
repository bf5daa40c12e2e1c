// The IPVS backend, judged by packets in network namespaces of the guest: a node with two backends behind it, a client pod,
// and a host outside.

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { IpvsBackend } from '../../../agent/proxy/ipvs/ipvs-backend.ts'
import { removeIpvsRules } from '../../../agent/proxy/ipvs/remove.ts'
import type { ServicePort } from '../../../agent/proxy/table.ts'
import { run } from '../../../cni/linux/exec.ts'
import { type Host, TestNetwork } from '../../support/namespaces.ts'

const clusterCidrs = ['10.244.0.0/16', 'fd00:244::/56']
const clusterIp = '10.96.0.5'
let net: TestNetwork
let node: Host
let client: Host
let outside: Host
let backend: IpvsBackend
let backends: Record<'b1' | 'b2', Host>

before(async () => {
  net = await TestNetwork.create('ipvs')
  node = await net.addHost('node')
  const pod = async (name: string, index: number): Promise<Host> => {
    const host = await net.addHost(name)
    await net.connect(node, `to-${name}`, `10.244.${index}.1/24`, host, 'eth0', `10.244.${index}.2/24`)
    await net.ip(host, `route add default via 10.244.${index}.1`)
    return host
  }
  client = await pod('client', 1)
  backends = { b1: await pod('b1', 2), b2: await pod('b2', 3) }
  outside = await net.addHost('outside')
  await net.connect(node, 'uplink', '192.0.2.1/24', outside, 'eth0', '192.0.2.2/24')
  await net.ip(node, 'route add default via 192.0.2.2')
  await net.ip(outside, 'route add 10.96.0.0/16 via 192.0.2.1')
  await run('sysctl', ['-qw', 'net.ipv4.ip_forward=1'], node)
  for (const [name, host] of Object.entries(backends)) {
    await net.serve(host, 'tcp', 8080, name)
    await net.serve(host, 'udp', 5353, name)
  }
})

after(() => net.close())

const one = { ip: '10.244.2.2', port: 8080, local: true }
const two = { ip: '10.244.3.2', port: 8080, local: true }

function web(over: Partial<ServicePort> = {}): ServicePort {
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

const make = (ipvsScheduler = 'rr') => new IpvsBackend({ clusterCidrs, ipvsScheduler, netns: node.netns })

async function serve(...ports: ServicePort[]): Promise<void> {
  await removeIpvsRules(node)
  backend = make()
  await backend.apply(new Map([['default/web', ports]]))
}

/** Names of the backends that answered this many new connections, one after the other. */
async function answerers(from: Host, address: string, port: number, count: number): Promise<string[]> {
  const names: string[] = []
  for (let asked = 0; asked < count; asked++) names.push((await net.askTcp(from, address, port)).split(' ')[0] ?? '')
  return names
}

test("a ClusterIP spreads connections in turn, and the pod's own address arrives", async () => {
  await serve(web())
  assert.equal(await net.askTcp(client, clusterIp, 80).then((answer) => answer.split(' ')[1]), '10.244.1.2')
  const names = await answerers(client, clusterIp, 80, 6)
  assert.deepEqual(names.toSorted(), ['b1', 'b1', 'b1', 'b2', 'b2', 'b2'])
  assert.notEqual(names[0], names[1])
})

test('the node itself reaches a ClusterIP', async () => {
  await serve(web({ cluster: [one] }))
  assert.match(await net.askTcp(node, clusterIp, 80), /^b1 /)
})

test('a ClusterIP answers on its own ports only, though the address is the node’s', async () => {
  await serve(web())
  await net.serve(node, 'tcp', 22, 'sshd')
  assert.match(await net.askTcp(client, '10.244.1.1', 22), /^sshd/)
  assert.equal(await net.askTcp(client, clusterIp, 22), '')
  assert.equal(await net.askTcp(node, clusterIp, 22), '')
  assert.equal(await net.askTcp(outside, clusterIp, 22), '')
  await assert.rejects(run('ping', ['-c', '1', '-W', '2', clusterIp], client))
  await run('ping', ['-c', '1', '-W', '5', '10.244.1.1'], client)
})

test('a backend reaches itself through its Service', async () => {
  await serve(web({ cluster: [one] }))
  assert.match(await net.askTcp(backends.b1, clusterIp, 80), /^b1 /)
})

test('a Service without endpoints refuses at once, on its address and its node port', async () => {
  await serve(web({ cluster: [] }))
  const refused = async (from: Host, address: string, port: number) =>
    await run('socat', ['-', `TCP:${address}:${port},connect-timeout=9`], { ...from, input: '' }).then(
      () => 'answered',
      (error: Error) => error.message,
    )
  assert.match(await refused(client, clusterIp, 80), /refused/)
  assert.match(await refused(node, clusterIp, 80), /refused/)
  assert.match(await refused(outside, '192.0.2.1', 30080), /refused/)
})

test('a node port takes traffic from outside and hides the caller behind the node', async () => {
  await serve(web({ cluster: [one] }))
  assert.equal(await net.askTcp(outside, '192.0.2.1', 30080), 'b1 10.244.2.1')
})

test("externalTrafficPolicy Local keeps the caller's address and uses this node's endpoints alone", async () => {
  await serve(web({ externalPolicy: 'Local', cluster: [one, two], local: [two] }))
  assert.deepEqual(await answerers(outside, '192.0.2.1', 30080, 3), ['b2', 'b2', 'b2'])
  assert.equal(await net.askTcp(outside, '192.0.2.1', 30080), 'b2 192.0.2.2')
})

test('under externalTrafficPolicy Local pods and the node itself reach all endpoints by the same doors', async () => {
  const balancer = '198.18.0.8'
  await net.ip(outside, `route replace ${balancer} via 192.0.2.1`)
  const over = { loadBalancerIps: [balancer], externalPolicy: 'Local', cluster: [one, two], local: [two] } as const
  await serve(web({ ...over, cluster: [...over.cluster], local: [...over.local], loadBalancerIps: [balancer] }))
  for (const [address, port] of [
    ['192.0.2.1', 30080],
    [balancer, 80],
  ] as const) {
    assert.deepEqual((await answerers(client, address, port, 4)).toSorted(), ['b1', 'b1', 'b2', 'b2'])
    assert.deepEqual((await answerers(node, address, port, 4)).toSorted(), ['b1', 'b1', 'b2', 'b2'])
    assert.deepEqual(await answerers(outside, address, port, 3), ['b2', 'b2', 'b2'])
  }
  assert.match(await net.askTcp(client, balancer, 80), / 10\.244\.1\.2$/)
  assert.equal(await net.askTcp(outside, balancer, 80), 'b2 192.0.2.2')
})

test('with affinity a client stays with its endpoint', async () => {
  await serve(web({ affinitySeconds: 60 }))
  assert.equal(new Set(await answerers(client, clusterIp, 80, 5)).size, 1)
})

test('UDP is served too', async () => {
  await serve(web({ id: 'default/web:dns', protocol: 'udp', port: 53, cluster: [{ ...one, port: 5353 }] }))
  const answer = await run('socat', ['-T5', '-', `UDP:${clusterIp}:53`], { ...client, input: 'who\n' })
  assert.equal(answer.trim(), 'b1 10.244.1.2')
})

test('what is wanted is what the kernel holds', async () => {
  await serve(web({ externalIps: ['203.0.113.7'], loadBalancerIps: ['203.0.113.8'], sourceRanges: ['192.0.2.2/32'] }))
  assert.deepEqual(await backend.verify(), [])
  assert.deepEqual(await make().apply(new Map([['default/web', [web()]]])), undefined)
})
