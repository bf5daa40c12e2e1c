// The IPVS backend, judged by packets in network namespaces of the guest: a node with two backends behind it, a client pod,
// and a host outside.

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { IpvsBackend } from '../../../agent/proxy/ipvs/ipvs-backend.ts'
import type { ServicePort } from '../../../agent/proxy/table.ts'
import type { Prober } from '../../packets/prober.ts'
import { clusterIp, one, two, web } from '../../support/proxy-node.ts'
import { clusterCidrs, type IpvsNode, makeIpvsNode, nameOf } from './ipvs-node.ts'

const balancer = '198.18.0.8'
let scene: IpvsNode
let probers: IpvsNode['probers']
let backend: IpvsBackend

before(async () => {
  scene = await makeIpvsNode('ipvs')
  probers = scene.probers
  await scene.net.ip(scene.hosts.outside, `route add ${balancer} via 192.0.2.1`)
  backend = new IpvsBackend({ clusterCidrs, netns: scene.hosts.node.netns })
})

after(() => scene.close())

/** The Service goes, and comes back as this. */
async function serve(...ports: ServicePort[]): Promise<void> {
  await backend.apply(new Map([['default/web', []]]))
  await backend.apply(new Map([['default/web', ports]]))
}

async function ask(from: Prober, address: string, port: number): Promise<string> {
  const [answer = ''] = await from.ask([['tcp', address, port]])
  return answer
}

/** Names of the backends that answered this many new connections, one after the other. */
async function answerers(from: Prober, address: string, port: number, count: number): Promise<string[]> {
  const names: string[] = []
  for (let asked = 0; asked < count; asked++) names.push(nameOf(await ask(from, address, port)))
  return names
}

test("a ClusterIP spreads connections in turn, and the pod's own address arrives", async () => {
  await serve(web())
  assert.match(await ask(probers.client, clusterIp, 80), / 10\.244\.1\.2$/)
  const names = await answerers(probers.client, clusterIp, 80, 4)
  assert.deepEqual(names, [names[0], names[1], names[0], names[1]])
  assert.deepEqual([...new Set(names)].sort(), ['b1', 'b2'])
})

test('the node itself reaches a ClusterIP', async () => {
  await serve(web({ cluster: [one] }))
  assert.match(await ask(probers.node, clusterIp, 80), /^b1 /)
})

test('a ClusterIP answers on its own ports only, though the address is the node’s', async () => {
  await serve(web())
  assert.match(await ask(probers.client, '10.244.1.1', 8080), /^node /)
  for (const from of [probers.client, probers.node, probers.outside])
    assert.equal(await ask(from, clusterIp, 8080), 'refused')
  assert.deepEqual(await probers.client.ask([['ping', '10.244.1.1', 0]]), ['pong'])
  assert.deepEqual(await probers.client.ask([['ping', clusterIp, 0]]), ['refused'])
})

test('a backend reaches itself through its Service', async () => {
  await serve(web({ cluster: [one] }))
  assert.match(await ask(probers.b1, clusterIp, 80), /^b1 /)
})

test('a Service without endpoints refuses at once, on its address and its node port', async () => {
  await serve(web({ cluster: [] }))
  assert.equal(await ask(probers.client, clusterIp, 80), 'refused')
  assert.equal(await ask(probers.node, clusterIp, 80), 'refused')
  assert.equal(await ask(probers.outside, '192.0.2.1', 30080), 'refused')
})

test('a node port takes traffic from outside and hides the caller behind the node', async () => {
  await serve(web({ cluster: [one] }))
  assert.equal(await ask(probers.outside, '192.0.2.1', 30080), 'b1 10.244.2.1')
})

test('under externalTrafficPolicy Local the outside reaches this node’s endpoints alone, and pods and the node itself all', async () => {
  await serve(web({ externalPolicy: 'Local', loadBalancerIps: [balancer], local: [two] }))
  for (const [address, port] of [
    ['192.0.2.1', 30080],
    [balancer, 80],
  ] as const) {
    assert.deepEqual((await answerers(probers.client, address, port, 4)).toSorted(), ['b1', 'b1', 'b2', 'b2'])
    assert.deepEqual((await answerers(probers.node, address, port, 4)).toSorted(), ['b1', 'b1', 'b2', 'b2'])
    assert.deepEqual(await answerers(probers.outside, address, port, 3), ['b2', 'b2', 'b2'])
    assert.equal(await ask(probers.outside, address, port), 'b2 192.0.2.2')
  }
  assert.match(await ask(probers.client, balancer, 80), / 10\.244\.1\.2$/)
})

test('with affinity a client stays with its endpoint', async () => {
  await serve(web({ affinitySeconds: 60 }))
  assert.equal(new Set(await answerers(probers.client, clusterIp, 80, 5)).size, 1)
})

test('affinity holds inside under externalTrafficPolicy Local too', async () => {
  await serve(web({ affinitySeconds: 60, externalPolicy: 'Local', loadBalancerIps: [balancer], local: [two] }))
  for (const from of [probers.client, probers.node]) {
    const names = new Set(await answerers(from, balancer, 80, 4))
    assert.equal(names.size, 1)
    assert.match([...names].join(), /^b[12]$/)
  }
  assert.equal(nameOf(await ask(probers.outside, balancer, 80)), 'b2')
})

test('UDP is served too', async () => {
  await serve(web({ id: 'default/web:dns', protocol: 'udp', port: 53, cluster: [{ ...one, port: 5353 }] }))
  assert.deepEqual(await probers.client.ask([['udp', clusterIp, 53]]), ['b1 10.244.1.2'])
})

test('what is wanted is what the kernel holds', async () => {
  await serve(web({ externalIps: ['203.0.113.7'], loadBalancerIps: ['203.0.113.8'], sourceRanges: ['192.0.2.2/32'] }))
  assert.deepEqual(await backend.verify(), [])
})
