// `net verify --repair` where nodes are joined by a tunnel and Services are nftables' elements: each part that others took away
// is named and mended, and packets go through again. Runs on the lab of the project e2e-nftables.

import { beforeAll, expect, test } from 'vitest'
import type { Node, Pod, Service } from '../../api/generated/types.ts'
import type { NodeLayout } from '../../lab/layout.ts'
import { apply, freshNamespace, getJson, kubectl, lab, onNode, service, testboxPod } from '../support/lab.ts'
import { type Breakage, endOf, expectFoundAndMended, trace, verify } from '../support/net-tools.ts'

/** On both sides of the router. */
const [near, far] = lab.nodes as [NodeLayout, NodeLayout]
const tunnel = 'fairlead.1'
const policies = 'inet fairlead-policy'
let namespace: string
/** By name of the pod. */
const ips = new Map<string, string>()
let clusterIp: string
/** The far node's end of the tunnel: its address there in each family, and that of its link. */
let farEnd: { ip: string; ip6: string; mac: string }

beforeAll(async () => {
  namespace = await freshNamespace('e2e-net-vxlan')
  await apply(
    testboxPod({ namespace, name: 'a', nodeName: near.name }),
    testboxPod({ namespace, name: 'b', nodeName: near.name }),
    testboxPod({ namespace, name: 'c', nodeName: far.name }),
    service(namespace, 'c'),
    onlyFromA(),
  )
  await kubectl('wait', '-n', namespace, '--for=condition=Ready', 'pod', '--all', '--timeout=60s')
  for (const name of ['a', 'b', 'c'])
    ips.set(name, (await getJson<Pod>('pod', '-n', namespace, name)).status?.podIP ?? '')
  clusterIp = (await getJson<Service>('service', '-n', namespace, 'c')).spec?.clusterIP ?? ''
  farEnd = await findEnd(far)
})

/** Pod c takes connections from pod a alone. */
function onlyFromA(): object {
  const from = [{ podSelector: { matchLabels: { app: 'a' } } }]
  return {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'NetworkPolicy',
    metadata: { name: 'only-a', namespace },
    spec: { podSelector: { matchLabels: { app: 'c' } }, policyTypes: ['Ingress'], ingress: [{ from }] },
  }
}

async function findEnd(node: NodeLayout): Promise<typeof farEnd> {
  const { spec } = await getJson<Node>('node', node.name)
  const [ip = '', ip6 = ''] = (spec?.podCIDRs ?? []).map((range) => range.replace(/\/\d+$/, ''))
  const [link] = JSON.parse((await onNode(node, 'ip', '-json', 'link', 'show', tunnel)).stdout)
  return { ip, ip6, mac: link.address }
}

/** Deletes the pod's element of each set of peers. */
const forgetPeer = (pod: string) =>
  `for set in $(nft list sets inet | grep -o 'peers-4-[0-9a-f]*'); do nft delete element ${policies} $set '{ ${ips.get(pod)} }'; done`

const breakages: Breakage[] = [
  {
    name: "the other node's forwarding entry is gone",
    node: near,
    command: () => `bridge fdb del ${farEnd.mac} dev ${tunnel}`,
    to: 'pod/c',
    cause: 'fdb-missing',
    names: /0a:59:.* dev fairlead\.1/,
  },
  {
    name: 'the forwarding entry leads to nobody',
    node: near,
    command: () => `bridge fdb replace ${farEnd.mac} dev ${tunnel} dst 192.0.2.99 self permanent`,
    to: 'pod/c',
    cause: 'fdb-wrong',
    names: /0a:59:.* dev fairlead\.1/,
  },
  {
    name: "the tunnel's neighbour is not known",
    node: near,
    command: () => `ip neigh del ${farEnd.ip} dev ${tunnel}`,
    to: 'pod/c',
    cause: 'neighbour-failed',
    names: /10\.244\.\d+\.0 dev fairlead\.1/,
  },
  {
    name: "the tunnel's neighbour has a wrong MAC",
    node: near,
    command: () => `ip neigh replace ${farEnd.ip} lladdr 02:00:00:00:00:99 dev ${tunnel} nud permanent`,
    to: 'svc/c',
    cause: 'fdb-missing',
    names: /10\.244\.\d+\.0 dev fairlead\.1/,
  },
  {
    name: 'the route into the tunnel is gone',
    node: near,
    command: () => `ip route del ${farEnd.ip}/24`,
    to: 'pod/c',
    cause: 'route-wrong',
    names: /fairlead\.1/,
  },
  {
    name: "a policy's set lacks an allowed client",
    node: far,
    command: () => forgetPeer('a'),
    to: 'pod/c',
    cause: 'policy',
    names: /peers-4-/,
  },
  {
    name: "an endpoint's element is gone",
    node: near,
    command: () => `nft delete element ip kube-proxy endpoints '{ ${clusterIp} . tcp . 80 . 0:1 }'`,
    to: 'svc/c',
    cause: 'not-served',
    names: /endpoints/,
  },
  {
    name: "a Service's element is gone",
    node: near,
    command: () => `nft delete element ip kube-proxy service-ips '{ ${clusterIp} . tcp . 80 }'`,
    to: 'svc/c',
    cause: 'not-served',
    names: /service-ips/,
  },
]

test('a healthy cluster differs in nothing', async () => {
  expect(await verify()).toEqual(lab.nodes.map(({ name }) => ({ node: name, differences: [], errors: [] })))
})

// The agent mends by itself once a minute; a test that it was quicker than is run again.
test.each(breakages)('$name: verify names it, and mends it', { retry: 2 }, (breakage) =>
  expectFoundAndMended(namespace, breakage),
)

test("IPv6's entries of the tunnel are named and mended", { retry: 2 }, async () => {
  await verify('--repair')
  expect((await onNode(near, 'ip', 'neigh', 'del', farEnd.ip6, 'dev', tunnel)).stderr).toBe('')
  const found = (await verify()).find(({ node }) => node === near.name)
  expect(found?.differences).toMatchObject([{ name: expect.stringContaining(farEnd.ip6), owner: `Node ${far.name}` }])
  await verify('--repair')
  expect((await onNode(near, 'ip', 'neigh', 'show', farEnd.ip6, 'dev', tunnel)).stdout).toContain(farEnd.mac)
})

test('a pod that lost its isolation is named, and isolated again', { retry: 2 }, async () => {
  await verify('--repair')
  const seen = async () => endOf((await trace(namespace, 'pod/b', 'pod/c')).trace).cause
  expect(await seen()).toBe('policy')
  const command = `nft delete element ${policies} ingress-4 '{ ${ips.get('c')} }'`
  expect((await onNode(far, 'sh', '-c', command)).stderr).toBe('')
  expect(await seen()).toBe('none')
  const found = (await verify()).find(({ node }) => node === far.name)
  expect(found?.differences).toMatchObject([{ name: expect.stringContaining('ingress-4') }])
  await verify('--repair')
  expect(await seen()).toBe('policy')
})
