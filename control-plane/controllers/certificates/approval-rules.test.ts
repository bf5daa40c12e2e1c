import { expect, test } from 'vitest'
import type { Node, Pod } from '../../../api/generated/types.ts'
import type { Stored } from '../../../api/objects/object.ts'
import { whyNotNewNode, whyNotServing } from './approval-rules.ts'

const reserved = {
  names: ['localhost', 'kubernetes.default.svc', '127.0.0.1', '10.96.0.1', '192.0.2.10'],
  cidrs: ['10.96.0.0/16', '10.244.0.0/16', 'fd00:10:244::/56'],
  clusterDomain: 'lan.example',
}
const meta = { uid: 'u', resourceVersion: '1', creationTimestamp: '2026-01-01T00:00:00Z' }

function makeNode(name: string, ready: string, address = '192.0.2.11', labels = {}): Stored<Node> {
  const conditions = [{ type: 'Ready', status: ready }]
  const status = { conditions, addresses: [{ type: 'InternalIP', address }] }
  return { metadata: { ...meta, name, labels }, spec: {}, status }
}
const pod: Stored<Pod> = { metadata: { ...meta, name: 'p', namespace: 'default' }, spec: { containers: [] } }
const marked = { 'tier.node-restriction.kubernetes.io/secret': 'true' }

test.each<[expected: string | undefined, node: Stored<Node> | undefined, pods: Stored<Pod>[]]>([
  [undefined, undefined, []],
  ['exists and is Ready', makeNode('n', 'True'), []],
  ['was deleted and still has 1 pods', undefined, [pod]],
  ['exists and has 1 pods', makeNode('n', 'Unknown'), [pod]],
  ['exists and has an agent', makeNode('n', 'False'), []],
  ['exists and has labels that an administrator gave it', makeNode('n', 'Unknown', '192.0.2.11', marked), []],
  [undefined, makeNode('n', 'Unknown'), []],
])('a host that would become a node: %s', (expected, node, pods) => {
  const why = whyNotNewNode('n', node, pods, reserved)
  if (expected === undefined) expect(why).toBeUndefined()
  else expect(why).toContain(`node "n" ${expected}`)
})

const apiServer = 'it is a name of the API server, or an address'
const service = 'it is a name that Services have in DNS'

test.each([
  ['localhost', apiServer],
  ['kubernetes.default.svc', apiServer],
  ['192.0.2.99', apiServer],
  ['fd00::1', 'a lowercase RFC 1123 subdomain'],
  ['web.shop.svc', service],
  ['web.shop.svc.cluster.local', service],
  ['web.shop.svc.lan.example', service],
  ['a.b.pod.lan.example', service],
  ['Upper', 'a lowercase RFC 1123 subdomain'],
  ['', 'a lowercase RFC 1123 subdomain'],
])('no node is called "%s": %s', (name, expected) => {
  expect(whyNotNewNode(name, undefined, [], reserved)).toContain(`node name "${name}": ${expected}`)
  expect(whyNotServing(name, { dnsNames: [name], addresses: [] }, [], reserved)).toContain(expected)
})

test.each(['svc', 'svc-1', 'web.svcs', 'lan.example', 'nlan.example'])('a node may be called "%s"', (name) => {
  expect(whyNotNewNode(name, undefined, [], reserved)).toBeUndefined()
})

const others = [makeNode('n', 'True', '192.0.2.11'), makeNode('other', 'Unknown', 'fd00:0:0::7')]

test.each<[expected: string | undefined, dnsNames: string[], addresses: string[]]>([
  [undefined, ['n'], ['192.0.2.11', '192.0.2.12']],
  [undefined, [], ['fd00::8']],
  ['DNS name "kubernetes.default.svc"', ['n', 'kubernetes.default.svc'], []],
  ['DNS name "other"', ['other'], []],
  ['address fd00::7: is that of node "other"', ['n'], ['fd00::7']],
  ['address ::ffff:127.0.0.1: belongs to no single host', ['n'], ['::ffff:127.0.0.1']],
  ["address 192.0.2.10: is the API server's", ['n'], ['192.0.2.10']],
  ["address ::ffff:c000:20a: is the API server's", ['n'], ['::ffff:c000:20a']],
  ['address 10.244.3.3: is in a range of Services or pods', ['n'], ['10.244.3.3']],
  ['address fd00:10:244::1: is in a range', ['n'], ['fd00:10:244::1']],
  ['address 0.0.0.0: belongs to no single host', ['n'], ['0.0.0.0']],
  ['address n2: is none', ['n'], ['n2']],
])('a serving certificate: %s', (expected, dnsNames, addresses) => {
  const why = whyNotServing('n', { dnsNames, addresses }, others, reserved)
  if (expected === undefined) expect(why).toBeUndefined()
  else expect(why).toContain(expected)
})
