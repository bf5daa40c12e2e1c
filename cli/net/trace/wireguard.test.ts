import { expect, test } from 'vitest'
import type { LinkState, NamespaceState, WireguardState } from '../../../api/net/state.ts'
import type { End } from '../../../api/net/trace.ts'
import type { Frame } from './frames.ts'
import { makePacket } from './packet.ts'
import { type Position, Walk } from './walk.ts'
import { type Seal, seal, unseal } from './wireguard.ts'
import { Namespace, type Port, World } from './world.ts'

type Peer = WireguardState['peers'][number]

const makeLink = (ifindex: number, ifname: string, more: Partial<LinkState>): LinkState => ({
  ...{ ifindex, ifname, flags: ['UP'], mtu: 1420, operstate: 'UP', addr_info: [] },
  ...more,
})

/** node-1 at 192.0.2.1, whose device wg0 has the key "own" and these peers. */
function makeNode(peers: Peer[], { isUp = true, listenPort = 51_820 } = {}): Port {
  const routes = [{ dst: '192.0.2.0/24', dev: 'eth0' }]
  const family = { routes, rules: [{ priority: 32_766, table: 'main' }], iptables: '', legacyIptables: '' }
  const addr_info = [{ family: 'inet' as const, local: '192.0.2.1', prefixlen: 24, scope: 'global' }]
  const wg0 = makeLink(3, 'wg0', { linkinfo: { info_kind: 'wireguard' }, flags: isUp ? ['UP'] : [] })
  const state: NamespaceState = {
    place: { node: 'node-1' },
    links: [makeLink(2, 'eth0', { addr_info }), wg0],
    wireguard: { wg0: { publicKey: 'own', listenPort, peers } },
    ...{ fdb: [], neighbours: [], ipv4: family, ipv6: family, nft: [], ipsets: '', ipvs: '' },
    ...{ conntrack: { count: 0, max: 0, entries: [] }, sysctls: {}, sockets: [], gaps: [] },
  }
  return { namespace: new Namespace(state), link: wg0 }
}

const makePeer = (publicKey: string, allowedIps: string[], endpoint = '192.0.2.2:51820'): Peer => ({
  publicKey,
  allowedIps,
  endpoint,
})

function makeFrame(source: string, destination: string): Frame {
  const flow = { protocol: 'tcp' as const, source, destination, port: 80, sourcePort: 40_000 }
  return { packet: makePacket(flow, 'ipv4'), mac: '', nextHop: destination }
}

/** What is said of the step, and its end if it is one. */
function take(step: (walk: Walk) => Position | End) {
  const walk = new Walk(new World([]), () => 0)
  const next = step(walk)
  const end = typeof next === 'function' ? undefined : { outcome: next.outcome, cause: next.cause }
  return { end, text: walk.hops.at(-1)?.text, packet: walk.hops.at(-1)?.packet }
}

const sealTo = (destination: string, peers: Peer[]) =>
  take((walk) => seal(walk, makeNode(peers), makeFrame('10.244.1.2', destination)))

const refused = { outcome: 'refused', cause: 'peer-missing' }

test('a packet is sealed for the peer with the longest range of its destination, and sent to where that is', () => {
  const peers = [makePeer('all', ['0.0.0.0/0'], '192.0.2.9:1'), makePeer('two', ['10.244.2.0/24'])]
  const packet = '192.0.2.1:51820 -> 192.0.2.2:51820'
  expect(sealTo('10.244.2.2', peers)).toEqual({ text: 'WireGuard: sealed for 192.0.2.2:51820', packet })
  expect(sealTo('10.244.3.2', peers).text).toBe('WireGuard: sealed for 192.0.2.9:1')
})

test.each([
  ['no peer has its destination', [makePeer('two', ['10.244.3.0/24'])], 'wg0 has no peer with 10.244.2.2'],
  ['nobody knows where its peer is', [makePeer('two', ['10.244.2.0/24'], '')], 'wg0 does not know where its peer is'],
])('a packet is refused when %s', (_, peers, text) => {
  expect(sealTo('10.244.2.2', peers)).toMatchObject({ end: refused, text: expect.stringContaining(text) })
})

const two = makePeer('two', ['10.244.2.0/24'])
const three = makePeer('three', ['10.244.0.0/16'])

/** What becomes of a packet from 10.244.2.2 that was sealed so. */
function unsealAt({ namespace }: Port, sealed: Seal) {
  const outer = { ...makeFrame('192.0.2.2', '192.0.2.1').packet, protocol: 'udp' as const, port: 51_820 }
  return take((walk) => unseal(walk, namespace, outer, makeFrame('10.244.2.2', '10.244.1.2'), sealed))
}

test('a packet of a peer that has its source is opened', () => {
  expect(unsealAt(makeNode([three, two]), { by: 'two', to: 'own' })).toMatchObject({ text: 'WireGuard: opened' })
})

test.each<[string, Port, Seal, string, string]>([
  ['sealed for another key', makeNode([two]), { by: 'two', to: 'old' }, 'peer-wrong', 'has another key'],
  ['of a sender nobody knows', makeNode([three]), { by: 'two', to: 'own' }, 'peer-wrong', 'knows no peer'],
  [
    'from an address of no peer',
    makeNode([makePeer('two', ['10.244.3.0/24'])]),
    { by: 'two', to: 'own' },
    'peer-wrong',
    'from 10.244.2.2, an address of no peer',
  ],
  [
    'from an address that another peer has a longer range of',
    makeNode([three, two]),
    { by: 'three', to: 'own' },
    'peer-wrong',
    'from 10.244.2.2, an address of its peer two',
  ],
  [
    'for a port at which nothing listens',
    makeNode([two], { listenPort: 1 }),
    { by: 'two', to: 'own' },
    'no-tunnel',
    'node-1 has no WireGuard at port 51820',
  ],
  ['for a device that is down', makeNode([two], { isUp: false }), { by: 'two', to: 'own' }, 'link-down', 'wg0 is down'],
])('a packet is dropped that is %s', (_, node, sealed, cause, text) => {
  expect(unsealAt(node, sealed)).toMatchObject({
    end: { outcome: 'dropped', cause },
    text: expect.stringContaining(text),
  })
})
