import { expect, test } from 'vitest'
import type { PodSpec } from '../../api/generated/types.ts'
import { hostnameOf, makeHosts, makeResolvConf } from './network-files.ts'
import { makePod } from './test-pods.ts'

const settings = {
  clusterDns: '10.96.0.10',
  clusterDomain: 'cluster.local',
  nodeResolvConf: 'search lan\nnameserver 192.0.2.53\noptions timeout:1\n',
}
const node = 'nameserver 192.0.2.53\nsearch lan\noptions timeout:1\n'
const cluster =
  'nameserver 10.96.0.10\nsearch default.svc.cluster.local svc.cluster.local cluster.local lan\noptions ndots:5\n'

test.each<[string, Partial<PodSpec>, string]>([
  ['no policy asks the cluster', {}, cluster],
  ['ClusterFirst on the host network asks the node', { hostNetwork: true, dnsPolicy: 'ClusterFirst' }, node],
  ['ClusterFirstWithHostNet asks the cluster', { hostNetwork: true, dnsPolicy: 'ClusterFirstWithHostNet' }, cluster],
  ['Default asks the node', { dnsPolicy: 'Default' }, node],
  [
    'None has what dnsConfig says',
    { dnsPolicy: 'None', dnsConfig: { nameservers: ['192.0.2.9'], options: [{ name: 'ndots', value: '2' }] } },
    'nameserver 192.0.2.9\noptions ndots:2\n',
  ],
  [
    'dnsConfig adds to the policy, and its options replace',
    { dnsConfig: { searches: ['example.com'], options: [{ name: 'ndots', value: '2' }] } },
    'nameserver 10.96.0.10\nsearch default.svc.cluster.local svc.cluster.local cluster.local lan example.com\noptions ndots:2\n',
  ],
])('%s', (_, spec, expected) => {
  expect(makeResolvConf(makePod(spec), settings)).toBe(expected)
})

test('hosts has the pod by its full name, and its aliases', () => {
  const pod = makePod({ hostname: 'db', subdomain: 'set', hostAliases: [{ ip: '192.0.2.7', hostnames: ['a', 'b'] }] })
  const lines = makeHosts(pod, ['10.244.0.2'], 'cluster.local', '').split('\n')
  expect(lines).toContain('10.244.0.2\tdb.set.default.svc.cluster.local\tdb')
  expect(lines).toContain('192.0.2.7\ta\tb')
  expect(lines).toContain('127.0.0.1\tlocalhost')
})

test('on the host network hosts is the node’s own, with the aliases of the pod', () => {
  const pod = makePod({ hostNetwork: true, hostAliases: [{ ip: '192.0.2.7', hostnames: ['a'] }] })
  const nodeHosts = '127.0.0.1 localhost\n192.0.2.1 node-1\n'
  expect(makeHosts(pod, ['192.0.2.1'], 'cluster.local', nodeHosts)).toBe(`${nodeHosts}192.0.2.7\ta\n`)
})

test('a long pod name is cut to a host name', () => {
  const pod = makePod()
  expect(hostnameOf({ ...pod, metadata: { ...pod.metadata, name: `${'a'.repeat(62)}.b` } })).toBe('a'.repeat(62))
})
