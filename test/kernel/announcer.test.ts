// Load balancer addresses on a node's link, judged by a neighbour on the same network.

import { afterAll, beforeAll, expect, test } from 'vitest'
import { Announcer } from '../../agent/announcer/announcer.ts'
import type { Announcement } from '../../agent/announcer/plan.ts'
import {
  announce,
  findUplink,
  holdAddresses,
  networksOf,
  removeAddresses,
  verifyAddresses,
} from '../../agent/announcer/uplink.ts'
import { ClusterView } from '../../agent/cluster-view.ts'
import { FakeClient } from '../../api/client/fake-client.ts'
import type { Node, Service } from '../../api/generated/types.ts'
import { announcedCondition } from '../../api/net/announced.ts'
import { nodes } from '../../api/resources/nodes.ts'
import { services } from '../../api/resources/services.ts'
import { run } from '../../cni/linux/exec.ts'
import { listLinks } from '../../cni/linux/ip.ts'
import { type Host, TestNetwork } from '../support/namespaces.ts'

let net: TestNetwork
let first: Host
let second: Host
let neighbour: Host

beforeAll(async () => {
  net = await TestNetwork.create('announce')
  const wire = await net.addHost('switch')
  await net.ip(wire, 'link add br0 type bridge forward_delay 0')
  await net.ip(wire, 'link set br0 up')
  const plug = async (name: string, host: number) => {
    const added = await net.addHost(name)
    await net.connect(wire, name, `198.51.100.${host}/32`, added, 'eth0', `192.0.2.${host}/24`)
    await net.ip(added, `addr add 2001:db8::${host}/64 dev eth0 nodad`)
    await net.ip(wire, `link set ${name} master br0`)
    return added
  }
  ;[first, second, neighbour] = [await plug('first', 11), await plug('second', 12), await plug('neighbour', 1)]
  for (const host of [first, second]) {
    await net.serve(host, 'tcp', 80, host.name)
    await net.serve(host, 'tcp', 22, 'ssh')
  }
})

afterAll(() => net?.close())

const web = (address: string): Announcement => ({
  address,
  service: 'default/web',
  candidates: [],
  ports: [{ protocol: 'tcp', port: 80 }],
})
const eth0 = { ifname: 'eth0' }
const four = web('192.0.2.200')
const six = web('2001:db8::200')

async function askSix(port: number): Promise<string> {
  return await run('socat', ['-T2', '-', `TCP6:[${six.address}]:${port},connect-timeout=2`], {
    ...neighbour,
    input: '',
  }).catch((error: Error) => error.message)
}

test("the uplink is the link with the node's address, and says which networks it is on", async () => {
  const uplink = await findUplink('192.0.2.11', first)
  expect([uplink.ifname, networksOf(uplink)]).toEqual(['eth0', ['192.0.2.0/24', '2001:db8::/64']])
  await expect(findUplink('192.0.2.99', first)).rejects.toThrow('192.0.2.99')
})

test("an address answers on its Service's ports, and is not the node: other ports and ping are refused", async () => {
  expect(await holdAddresses(eth0, [four], first)).toEqual(['192.0.2.200'])
  await announce(eth0, four.address, first)
  expect(await net.askTcp(neighbour, four.address, 80)).toMatch(/first/)
  expect(await net.askTcp(neighbour, '192.0.2.11', 22)).toMatch(/^ssh/)
  expect(await net.askTcp(neighbour, four.address, 22)).toBe('')
  await expect(run('ping', ['-c', '1', '-W', '1', four.address], neighbour)).rejects.toThrow()
})

test('holding the same again writes nothing', async () => {
  const state = async () =>
    (await run('nft', ['-a', 'list', 'table', 'inet', 'fairlead-announce'], first)) +
    (await net.ip(first, 'addr show dev eth0'))
  const before = await state()
  expect(await holdAddresses(eth0, [four], first)).toEqual([])
  expect(await state()).toBe(before)
})

test("an address that moves is found at once: the new holder tells the neighbours' caches", async () => {
  await holdAddresses(eth0, [four], first)
  expect(await net.askTcp(neighbour, four.address, 80)).toMatch(/first/)
  // The first holder is dead: it neither answers nor lets go.
  await net.ip(first, 'link set eth0 down')
  await holdAddresses(eth0, [four], second)
  await announce(eth0, four.address, second)
  expect(await net.askTcp(neighbour, four.address, 80)).toMatch(/second/)
  await net.ip(first, 'link set eth0 up')
  await holdAddresses(eth0, [], second)
})

test('IPv6 addresses move alike, by unsolicited neighbour advertisements', async () => {
  await net
    .ip(first, 'addr add 2001:db8::11/64 dev eth0 nodad')
    .catch(() => undefined /* it may have survived the link */)
  await holdAddresses(eth0, [six], first)
  await announce(eth0, six.address, first)
  const hardwareAddress = async (host: Host) => {
    const [link] = JSON.parse(await net.ip(host, '-json link show dev eth0'))
    return link.address
  }
  const cached = async () => {
    const [entry] = JSON.parse(await net.ip(neighbour, `-json -6 neigh show ${six.address} dev eth0`))
    return entry?.lladdr
  }
  await askSix(22)
  expect(await cached()).toBe(await hardwareAddress(first))
  expect(await askSix(22)).toContain('refused')
  await holdAddresses(eth0, [six], second)
  await announce(eth0, six.address, second)
  await expect.poll(cached, { timeout: 5_000 }).toBe(await hardwareAddress(second))
})

test("the node's own IPv6 connections never come from the address, and one that was so is mended", async () => {
  await net.serve(neighbour, 'tcp6', 8080, 'from')
  const source = async () =>
    (await run('socat', ['-T2', '-', 'TCP6:[2001:db8::1]:8080,connect-timeout=2'], { ...first, input: '' })).trim()
  await holdAddresses(eth0, [six], first)
  expect(await source()).toBe('from [2001:0db8:0000:0000:0000:0000:0000:0011]')
  await net.ip(first, `addr replace ${six.address}/128 dev eth0 nodad preferred_lft forever`)
  expect(await verifyAddresses(eth0, [six], first)).toMatchObject([
    { kind: 'address', name: `${six.address} dev eth0`, state: 'different', owner: 'Service default/web' },
  ])
  // It is where it was: nobody need be told.
  expect(await holdAddresses(eth0, [six], first)).toEqual([])
  expect(await verifyAddresses(eth0, [six], first)).toEqual([])
  expect(await source()).toBe('from [2001:0db8:0000:0000:0000:0000:0000:0011]')
})

test('answers to a connection that the node itself began from the address pass, and no question does', async () => {
  await holdAddresses(eth0, [], second)
  await holdAddresses(eth0, [six], first)
  await announce(eth0, six.address, first)
  await net.serve(first, 'tcp6', 2222, 'of the node')
  const from = `TCP6:[2001:db8::1]:8080,bind=[${six.address}],connect-timeout=2`
  expect(await run('socat', ['-T2', '-', from], { ...first, input: '' })).toContain('0200]')
  const knock = `TCP6:[${six.address}]:2222,sourceport=40022,reuseaddr,connect-timeout=2`
  for (let times = 0; times < 3; times++)
    await expect(run('socat', ['-T2', '-', knock], { ...neighbour, input: '' })).rejects.toThrow('refused')
})

test('a guard with the rules of another version, or without any, is written anew', async () => {
  await holdAddresses(eth0, [four], first)
  await announce(eth0, four.address, first)
  await run('nft', ['flush chain inet fairlead-announce input'], first)
  expect(await net.askTcp(neighbour, four.address, 22)).toMatch(/^ssh/)
  expect(await verifyAddresses(eth0, [four], first)).toMatchObject([{ kind: 'chain', state: 'different' }])
  await holdAddresses(eth0, [four], first)
  expect(await verifyAddresses(eth0, [four], first)).toEqual([])
  expect(await net.askTcp(neighbour, four.address, 22)).toBe('')
})

test("when the node's address has moved to another link, what is held goes there too, and is nowhere else", async () => {
  await net.ip(first, 'link add eth1 type veth peer name eth1-peer')
  // Like the link on which the mode ipvs has all addresses of Services.
  await net.ip(first, 'link add services arp off type bridge')
  for (const name of ['eth1', 'services']) await net.ip(first, `link set ${name} up`)
  await holdAddresses(eth0, [four, six], first)
  await net.ip(first, `addr add ${four.address}/32 dev services`)
  const eth1 = { ifname: 'eth1' }
  const names = async (address: string) =>
    (await listLinks(first))
      .filter(({ addr_info }) => addr_info?.some(({ local }) => local === address))
      .map(({ ifname }) => ifname)
  expect((await verifyAddresses(eth1, [four], first)).map(({ name, state }) => `${state} ${name}`)).toEqual(
    expect.arrayContaining([`missing ${four.address} dev eth1`, `extra ${four.address} dev eth0`]),
  )
  expect(await holdAddresses(eth1, [four], first)).toEqual([four.address])
  expect(await names(four.address)).toEqual(['eth1', 'services'])
  expect(await names(six.address)).toEqual([])
  expect(await verifyAddresses(eth1, [four], first)).toEqual([])
  await holdAddresses(eth0, [], first)
  expect(await names(four.address)).toEqual(['services'])
  for (const name of ['eth1', 'services']) await net.ip(first, `link del ${name}`)
})

test('after a flush of all rules the guard is there again when it is told, and an address that goes meanwhile goes', async () => {
  const client = new FakeClient()
  const errors: unknown[] = []
  const onError = (error: unknown) => void errors.push(error)
  const view = new ClusterView(client, onError)
  const why = { reason: 'AddressGiven', message: '', lastTransitionTime: '2026-01-01T00:00:00Z' }
  const announced = { type: announcedCondition, status: 'True', ...why }
  const ready = { conditions: [{ type: 'Ready', status: 'True' }] }
  await client.create(nodes, { metadata: { name: 'second' }, spec: {}, status: ready } satisfies Node)
  for (const [name, ip] of [['web', four.address] as const, ['mail', '192.0.2.201'] as const])
    await client.create(services, {
      metadata: { namespace: 'default', name },
      spec: { type: 'LoadBalancer', ports: [{ port: 80 }] },
      status: { loadBalancer: { ingress: [{ ip, ipMode: 'VIP' }] }, conditions: [announced] },
    } satisfies Service)
  const announcer = new Announcer({ client, nodeName: 'second', nodeIp: '192.0.2.12', ...view, onError, ...second })
  const stop = new AbortController()
  const running = Promise.all([view.run(stop.signal), announcer.run(stop.signal)])
  const onLink = async () =>
    (await net.ip(second, '-4 -o addr show dev eth0')).match(/192\.0\.2\.20\d/g)?.toSorted() ?? []
  const flush = () => run('nft', ['flush', 'ruleset'], second)
  await expect.poll(onLink, { timeout: 5_000 }).toEqual([four.address, '192.0.2.201'])
  await flush()
  announcer.resync()
  await expect
    .poll(() => run('nft', ['list', 'ruleset'], second), { timeout: 5_000 })
    .toContain(`${four.address} . tcp . 80`)
  await flush()
  await client.delete(services, { namespace: 'default', name: 'web' })
  await expect.poll(onLink, { timeout: 5_000 }).toEqual(['192.0.2.201'])
  expect(await announcer.verify()).toEqual([])
  stop.abort()
  await running
  // The neighbours were told nothing more of the one that was gone, which the kernel would have refused.
  expect(errors).toEqual([])
})

test('what is not wanted is named after a flush too, by who has taken it', async () => {
  const taken = new Set([four.address, '192.0.2.203'])
  await removeAddresses(second)
  await holdAddresses(eth0, [four], second)
  await run('nft', ['flush', 'ruleset'], second)
  expect(await verifyAddresses(eth0, [], { ...second, taken })).toMatchObject([
    { kind: 'address', name: `${four.address} dev eth0`, state: 'extra' },
  ])
  await holdAddresses(eth0, [], { ...second, taken })
  expect(await verifyAddresses(eth0, [], { ...second, taken })).toEqual([])
})

test('an address that is no longer wanted goes, those of the user stay, and removal leaves nothing', async () => {
  await net.ip(second, 'addr add 192.0.2.77/32 dev eth0')
  await holdAddresses(eth0, [four], second)
  await holdAddresses(eth0, [web('192.0.2.201')], second)
  const addresses = async () => await net.ip(second, '-o addr show dev eth0')
  expect(await addresses()).toMatch(/192\.0\.2\.201/)
  expect(await addresses()).not.toMatch(/192\.0\.2\.200/)
  // Another link, which was the uplink before this one.
  await net.ip(second, 'link add old0 type bridge')
  await net.ip(second, 'addr add 192.0.2.201/32 dev old0')
  await removeAddresses(second)
  expect(await addresses()).not.toMatch(/192\.0\.2\.20\d/)
  expect(await addresses()).toMatch(/192\.0\.2\.77/)
  expect(await net.ip(second, '-o addr show dev old0')).not.toMatch(/192\.0\.2\.201/)
  expect(await run('nft', ['list', 'ruleset'], second)).not.toContain('fairlead-announce')
})
