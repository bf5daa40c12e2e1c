// Nobody hears a pod that speaks in another's name.

import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { toHardwareAddress } from '../../cni/bridge/names.ts'
import { run } from '../../cni/linux/exec.ts'
import { capture } from '../support/capture.ts'
import {
  arpAnnouncement,
  neighbourAdvertisement,
  priorityTaggedDatagram,
  routerAdvertisement,
  sendFrame,
} from '../support/frames.ts'
import { PodCluster, type PodNode, type TestPod } from '../support/pod-nodes.ts'

let cluster: PodCluster
let node: PodNode
let liar: TestPod
let victim: TestPod
let far: TestPod
let goal: TestPod
let liarMac: string

beforeAll(async () => {
  cluster = await PodCluster.create({ topic: 'source', kind: 'host-gw', switches: [1, 1] })
  const [one, two] = cluster.nodes
  if (one === undefined || two === undefined) throw new Error('there are two nodes')
  node = one
  liar = await cluster.addPod('liar', one)
  victim = await cluster.addPod('victim', one)
  far = await cluster.addPod('far', two)
  goal = await cluster.addPod('goal', two)
  const [{ address }] = JSON.parse(await run('ip', ['-json', 'link', 'show', 'eth0'], liar.host))
  liarMac = address
  // Or the first lie would be a question for the gateway's hardware address.
  for (const gateway of ['10.244.1.1', 'fd00:244:1::1'])
    await run(
      'ip',
      ['neigh', 'replace', gateway, 'lladdr', '0a:58:0a:f4:01:01', 'dev', 'eth0', 'nud', 'permanent'],
      liar.host,
    )
})
afterAll(() => cluster?.close())

/** Sends a datagram from an address that the pod gives itself. */
async function sendFrom(source: string, to: string): Promise<void> {
  const isIpv6 = source.includes(':')
  const address = `${source}/${isIpv6 ? '128' : '32'}`
  const isOwn = liar.ips.includes(source)
  if (!isOwn) await run('ip', ['addr', 'add', address, 'dev', 'lo', ...(isIpv6 ? ['nodad'] : [])], liar.host)
  const bracket = (text: string) => (isIpv6 ? `[${text}]` : text)
  const words = ['-u', '-', `UDP${isIpv6 ? '6' : '4'}-SENDTO:${bracket(to)}:9999,bind=${bracket(source)}`]
  await run('socat', words, { ...liar.host, input: 'lie' })
  if (!isOwn) await run('ip', ['addr', 'del', address, 'dev', 'lo'], liar.host)
}

async function dropped(): Promise<number> {
  const text = await node.show('nft', 'list', 'table', 'bridge', 'fairlead-cbr0')
  const counters = [...text.matchAll(/counter packets (\d+) .* drop/g)]
  return counters.reduce((sum, [, packets]) => sum + Number(packets), 0)
}

test.each([
  ['of another pod of the node', () => victim.ips[0]],
  ['of a pod of another node', () => far.ips[0]],
  ['of the gateway', () => '10.244.1.1'],
  ['of nobody', () => '192.0.2.77'],
  ['of another pod of the node (IPv6)', () => victim.ips[1]],
  ['of a pod of another node (IPv6)', () => far.ips[1]],
  ['of nobody (IPv6)', () => '2001:db8::77'],
])('a packet from an address %s goes no further than the pod’s port, and is counted', async (_, addressOf) => {
  const source = addressOf() ?? ''
  const isIpv6 = source.includes(':')
  const [own = '', to = ''] = isIpv6 ? [liar.ips[1], goal.ips[1]] : [liar.ips[0], goal.ips[0]]
  const before = await dropped()
  const seen = await capture(node.host, 'cbr0', 'udp port 9999', async () => {
    await sendFrom(source, to)
    await sendFrom(own, to)
  })
  expect(seen.filter((line) => line.includes(`${own}.`))).toHaveLength(1)
  expect(seen).toHaveLength(1)
  expect(await dropped()).toBe(before + 1)
})

test('an ARP announcement of another pod’s address reaches nobody, one of the own address does', async () => {
  const heard = await capture(victim.host, 'eth0', 'arp', async () => {
    await sendFrame(liar.host, arpAnnouncement(liarMac, victim.ips[0] ?? ''))
    await sendFrame(liar.host, arpAnnouncement(liarMac, liar.ips[0] ?? ''))
  })
  expect(heard.filter((line) => line.includes(`tell ${victim.ips[0]}`))).toEqual([])
  expect(heard.filter((line) => line.includes(`tell ${liar.ips[0]}`))).toHaveLength(1)
})

test('a neighbour advertisement of another pod’s address reaches nobody, one of the own address does', async () => {
  const heard = await capture(victim.host, 'eth0', 'icmp6 and ip6[40] == 136', async () => {
    await sendFrame(liar.host, neighbourAdvertisement(liarMac, victim.ips[1] ?? ''))
    await sendFrame(liar.host, neighbourAdvertisement(liarMac, liar.ips[1] ?? ''))
  })
  expect(heard.filter((line) => line.includes(`tgt is ${victim.ips[1]}`))).toEqual([])
  expect(heard.filter((line) => line.includes(`tgt is ${liar.ips[1]}`))).toHaveLength(1)
})

test('no pod is a router to others', async () => {
  const heard = await capture(victim.host, 'eth0', 'icmp6 and ip6[40] == 134', async () => {
    await sendFrame(liar.host, routerAdvertisement(liarMac, 'fe80::bad'))
  })
  expect(heard).toEqual([])
  expect(await run('ip', ['-6', 'route', 'show', 'default'], victim.host)).not.toContain('fe80')
})

test('a frame with a VLAN tag, in which no rule of IP looks, reaches nobody', async () => {
  const [source = '', destination = ''] = [liar.ips[0], victim.ips[0]]
  const toMac = toHardwareAddress(destination)
  const heard = await capture(victim.host, 'eth0', 'udp or vlan', () =>
    sendFrame(liar.host, priorityTaggedDatagram({ mac: liarMac, toMac, source, destination, port: 9999 })),
  )
  expect(heard).toEqual([])
})

test('a pod whose address changed hands is checked for the new one', async () => {
  const [old = ''] = victim.ips
  await node.ask('detach', victim.sandboxId)
  await vi.waitFor(async () => {
    const elements = await node.show('nft', 'list', 'table', 'bridge', 'fairlead-cbr0')
    expect(elements).not.toContain(`. ${old}`)
    expect(elements).toContain(`. ${liar.ips[0]}`)
  })
  victim = await cluster.addPod('victim2', node)
  const seen = await capture(node.host, 'cbr0', 'udp port 9999', () => sendFrom(old, goal.ips[0] ?? ''))
  expect(seen).toEqual([])
})
