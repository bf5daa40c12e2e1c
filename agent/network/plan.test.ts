import { expect, test } from 'vitest'
import type { Node } from '../../api/generated/types.ts'
import type { Stored } from '../../api/objects/object.ts'
import { diffChain, planRules } from './node-rules.ts'
import { networkFactsOf, planNetwork, type Uplink } from './plan.ts'
import { diffRoutes } from './routes.ts'
import { vtepMac } from './vtep.ts'

function node(name: string, podCIDRs: string[], ...addresses: string[]): Stored<Node> {
  const metadata = { name, uid: name, resourceVersion: '1', creationTimestamp: '2026-01-01T00:00:00Z' }
  const internal = addresses.map((address) => ({ type: 'InternalIP', address }))
  return { metadata, spec: { podCIDRs }, status: { addresses: [{ type: 'Hostname', address: name }, ...internal] } }
}

const self = node('a', ['10.244.1.0/24', 'fd00:10:244:1::/64'], '192.0.2.1', 'fd00:2::1')
const near = node('b', ['10.244.2.0/24', 'fd00:10:244:2::/64'], '192.0.2.2', 'fd00:2::2')
const far = node('c', ['10.244.3.0/24', 'fd00:10:244:3::/64'], '198.51.100.3', 'fd00:3::3')
const all = [far, near, self, node('new', [], '192.0.2.9'), node('odd', ['10.244.9.0/24'])]
const link = { dev: 'eth0', mtu: 1500, subnets: ['192.0.2.1/24', 'fd00:2::1/64'] }
const uplinks: Uplink[] = [
  { address: '192.0.2.1', link },
  { address: 'fd00:2::1', link },
]

const clusterCidrs = ['10.244.0.0/16', 'fd00:10:244::/48']

/** A public key of this letter alone. */
const keyOf = (letter: string) => `${letter.repeat(42)}A=`
const withKey = (each: Stored<Node>, key: string): Stored<Node> => ({
  ...each,
  metadata: { ...each.metadata, annotations: { 'fairlead.io/wireguard-public-key': key } },
})

test('every other node with a range and an address is the gateway of its pods, in both families', () => {
  const { routes, problems } = planNetwork([self, near], { kind: 'host-gw', selfName: 'a', uplinks, clusterCidrs })
  expect(routes.map(({ dst, gateway }) => `${dst} ${gateway}`)).toEqual([
    '10.244.2.0/24 192.0.2.2',
    'fd00:10:244:2::/64 fd00:2::2',
  ])
  expect(problems).toEqual([])
})

test('host-gw says which node it cannot reach, and what could', () => {
  const { routes, problems } = planNetwork(all, { kind: 'host-gw', selfName: 'a', uplinks, clusterCidrs })
  expect(routes.map(({ owner }) => owner)).toEqual(['Node b', 'Node b'])
  expect(problems[0]).toContain('Node c (198.51.100.3) is on no subnet of this node')
})

test('vxlan reaches nodes on the same switch by route, and others through one tunnel for both families', () => {
  const { routes, tunnels, vtep, mtu } = planNetwork(all, { kind: 'vxlan', selfName: 'a', uplinks, clusterCidrs })
  expect(routes.map(({ dst, gateway, dev }) => [dst, gateway, dev])).toEqual([
    ['10.244.2.0/24', '192.0.2.2', undefined],
    ['10.244.3.0/24', '10.244.3.0', 'fairlead.1'],
    ['fd00:10:244:2::/64', 'fd00:2::2', undefined],
    ['fd00:10:244:3::/64', 'fd00:10:244:3::', 'fairlead.1'],
  ])
  expect(tunnels).toEqual([
    {
      owner: 'Node c',
      underlay: '198.51.100.3',
      mac: vtepMac('198.51.100.3'),
      gateways: ['10.244.3.0', 'fd00:10:244:3::'],
    },
  ])
  expect(vtep).toMatchObject({ local: '192.0.2.1', dev: 'eth0', addresses: ['10.244.1.0/32', 'fd00:10:244:1::/128'] })
  expect(mtu).toBe(1450)
})

test('tunnels over IPv6 leave 20 bytes less', () => {
  expect(planNetwork(all, { kind: 'vxlan', selfName: 'a', uplinks: uplinks.toReversed(), clusterCidrs }).mtu).toBe(1430)
})

test('hardware addresses of tunnels follow from the nodes’ addresses and differ with them', () => {
  expect(vtepMac('192.0.2.10')).toBe('0a:59:c0:00:02:0a')
  expect(vtepMac('fd00:2::1')).not.toBe(vtepMac('fd00:3::1'))
})

test('only routes that differ are written, and those of gone nodes removed', () => {
  const { routes } = planNetwork([self, near], {
    kind: 'host-gw',
    selfName: 'a',
    uplinks: uplinks.slice(0, 1),
    clusterCidrs,
  })
  const actual = [
    { dst: '10.244.2.0/24', gateway: '192.0.2.9' },
    { dst: '10.244.9.0/24', gateway: '192.0.2.9' },
  ]
  expect(diffRoutes(routes, actual).flatMap(({ ip }) => ip)).toEqual([
    'route del 10.244.9.0/24 proto 96',
    'route replace 10.244.2.0/24 via 192.0.2.2 proto 96',
  ])
  expect(diffRoutes(routes, routes)).toEqual([])
})

test('pods are masqueraded towards the outside and nodes behind a router, not towards near nodes', () => {
  const { nearNodes } = planNetwork(all, { kind: 'vxlan', selfName: 'a', uplinks, clusterCidrs })
  const [nat] = planRules({
    family: 'ipv4',
    range: '10.244.1.0/24',
    clusterCidr: '10.244.0.0/16',
    nearNodes,
    owner: 'Node a',
  })
  expect(nat?.rules.map(({ text }) => text)).toEqual([
    '-d 192.0.2.1/32 -j RETURN',
    '-d 192.0.2.2/32 -j RETURN',
    '-d 192.0.2.9/32 -j RETURN',
    '-d 224.0.0.0/4 -j RETURN',
    '-j MASQUERADE --random-fully',
  ])
})

test('a chain that lost a rule is written whole, and the rule named with its node', () => {
  const wish = {
    family: 'ipv4',
    range: '10.244.1.0/24',
    clusterCidr: '10.244.0.0/16',
    nearNodes: [{ address: '192.0.2.2', owner: 'Node b' }],
    owner: 'Node a',
  } as const
  const [plan] = planRules({ ...wish, nearNodes: [...wish.nearNodes] })
  if (plan === undefined) throw new Error('no plan')
  const rules = plan.rules.map(({ text }) => text)
  expect(
    diffChain(
      plan,
      new Map([
        [plan.chain, rules],
        [plan.from, [plan.jump]],
      ]),
      wish,
    ),
  ).toEqual([])
  const [repair] = diffChain(
    plan,
    new Map([
      [plan.chain, rules.slice(1)],
      [plan.from, [plan.jump]],
    ]),
    wish,
  )
  expect(repair?.differences).toEqual([
    { kind: 'rule', name: '-A FAIRLEAD-MASQ -d 192.0.2.2/32 -j RETURN', state: 'missing', owner: 'Node b' },
  ])
  expect(repair?.rules?.text).not.toContain('POSTROUTING')
})

test('wireguard leads to every node through its tunnel, the near ones too, and lets pods show their address to none', () => {
  const cluster = [withKey(self, keyOf('A')), withKey(near, keyOf('B')), withKey(far, keyOf('C'))]
  const plan = planNetwork(cluster, { kind: 'wireguard', selfName: 'a', uplinks, clusterCidrs })
  expect(plan.routes.map(({ dst, gateway, dev }) => [dst, gateway, dev])).toEqual([
    ['10.244.2.0/24', undefined, 'fairlead-wg'],
    ['10.244.3.0/24', undefined, 'fairlead-wg'],
    ['fd00:10:244:2::/64', undefined, 'fairlead-wg'],
    ['fd00:10:244:3::/64', undefined, 'fairlead-wg'],
  ])
  expect(plan.peers).toEqual([
    {
      owner: 'Node b',
      publicKey: keyOf('B'),
      endpoint: '192.0.2.2:51820',
      allowedIps: ['10.244.2.0/24', 'fd00:10:244:2::/64', '192.0.2.2/32', 'fd00:2::2/128'],
    },
    {
      owner: 'Node c',
      publicKey: keyOf('C'),
      endpoint: '198.51.100.3:51820',
      allowedIps: ['10.244.3.0/24', 'fd00:10:244:3::/64', '198.51.100.3/32', 'fd00:3::3/128'],
    },
  ])
  expect(plan.nearNodes.map(({ owner }) => owner)).toEqual(['Node a', 'Node a'])
  expect([plan.mtu, plan.vtep]).toEqual([1440, undefined])
})

test('wireguard says whose key is missing', () => {
  const { problems, peers } = planNetwork([self, near], { kind: 'wireguard', selfName: 'a', uplinks, clusterCidrs })
  expect(problems[0]).toContain('Node b has no WireGuard key')
  expect(peers).toEqual([])
})

test('a heartbeat changes nothing that the network reads of a Node; its range, address and key do', () => {
  const conditions = [{ type: 'Ready', status: 'True', lastHeartbeatTime: '2026-01-02T00:00:00Z' }]
  expect(networkFactsOf({ ...near, status: { ...near.status, conditions } })).toBe(networkFactsOf(near))
  const changed = [
    withKey(near, 'B='),
    node('b', ['10.244.4.0/24'], '192.0.2.2'),
    node('b', near.spec.podCIDRs ?? [], '192.0.2.3'),
  ]
  for (const each of changed) expect(networkFactsOf(each)).not.toBe(networkFactsOf(near))
})

test('wireguard leaves out a key that is none and one that another node has, and says whose', () => {
  const cluster = [withKey(self, keyOf('A')), withKey(near, keyOf('A')), withKey(far, 'x')]
  const [d, e] = [node('d', ['10.244.4.0/24'], '192.0.2.4'), node('e', ['10.244.5.0/24'], '192.0.2.5')]
  const twins = [withKey(d, keyOf('D')), withKey(e, keyOf('D'))]
  const wish = { kind: 'wireguard', selfName: 'a', uplinks, clusterCidrs } as const
  const { problems, peers } = planNetwork([...cluster, ...twins], wish)
  expect(problems).toEqual([
    'Node b has the WireGuard key of another node: was its disk copied?',
    'Node c has a WireGuard key that is none: "x"',
    'Node e has the WireGuard key of another node: was its disk copied?',
  ])
  expect(peers.map(({ owner }) => owner)).toEqual(['Node d'])
})

test('a host with two Nodes, as it has another name now, is one peer of wireguard', () => {
  const renamed = node('renamed', ['10.244.4.0/24'], '192.0.2.2', 'fd00:2::2')
  const cluster = [withKey(self, keyOf('A')), withKey(near, keyOf('B')), withKey(renamed, keyOf('B'))]
  const { problems, peers, routes } = planNetwork(cluster, { kind: 'wireguard', selfName: 'a', uplinks, clusterCidrs })
  expect(problems).toEqual([])
  expect(peers.map(({ allowedIps }) => allowedIps.join())).toEqual([
    '10.244.2.0/24,fd00:10:244:2::/64,192.0.2.2/32,fd00:2::2/128,10.244.4.0/24',
  ])
  expect(routes.map(({ dst }) => dst)).toContain('10.244.4.0/24')
})

test('an address that two Nodes have, as one is left of a host that was set up anew, is allowed to one peer of wireguard', () => {
  const anew = withKey(node('z', ['10.244.4.0/24'], '192.0.2.2', 'fd00:2::2'), keyOf('Z'))
  const wish = { kind: 'wireguard', selfName: 'a', uplinks, clusterCidrs } as const
  const { peers } = planNetwork([withKey(self, keyOf('A')), withKey(near, keyOf('B')), anew], wish)
  expect(peers.map(({ allowedIps }) => allowedIps.length)).toEqual([4, 1])
})

test('a node that gives itself the address of a pod gets none of its packets through wireguard', () => {
  const thief = withKey(node('b', ['10.244.2.0/24'], '192.0.2.2', '10.244.3.7'), keyOf('B'))
  const wish = { kind: 'wireguard', selfName: 'a', uplinks, clusterCidrs } as const
  expect(planNetwork([self, thief, far], wish).peers[0]?.allowedIps).toEqual(['10.244.2.0/24', '192.0.2.2/32'])
})
