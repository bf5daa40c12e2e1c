import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { parseAllDocuments } from 'yaml'
import { describeToken, parseTtl } from './commands/token.ts'
import { toManifest } from './dns.ts'
import { addressesOf, type NodeSettings, type ServerSettings } from './settings.ts'
import { agentUnitText, flagOf, serverUnitText } from './units.ts'

const server: ServerSettings = {
  advertiseAddress: '192.0.2.10',
  serverNames: [],
  port: 6443,
  clusterCidr: '10.244.0.0/16',
  serviceCidr: '10.96.0.0/16',
  clusterDns: '10.96.0.10',
  clusterDomain: 'cluster.local',
  network: 'vxlan',
  proxyMode: 'ipvs',
  nodePortRange: '30000-32767',
  loadBalancerPool: undefined,
}
const node: NodeSettings = { ...server, nodeName: 'one', nodeIp: '192.0.2.10', networkPolicy: 'on' }

test('a unit shows every setting as a flag, and its node is found in it again', () => {
  const text = agentUnitText(node, { resolvConf: '/etc/resolv.conf' })
  for (const flag of [
    '--proxy-mode ipvs',
    '--network vxlan',
    '--cluster-dns 10.96.0.10',
    '--resolv-conf /etc/resolv.conf',
  ])
    expect(text).toContain(flag)
  expect(text).toContain('modprobe --all br_netfilter overlay nf_conntrack ip_vs')
  expect(flagOf(text, 'node-name')).toBe('one')
  const shown =
    '{ path=/usr/local/bin/fairlead ; argv[]=/usr/local/bin/fairlead agent --proxy-mode ipvs --node-name=two ; pid=7 }'
  expect(flagOf(shown, 'node-name')).toBe('two')
  expect(() => flagOf('[Service]\n', 'node-name')).toThrow('has no flag --node-name: was it changed by hand?')
  expect(serverUnitText(server)).toContain('--advertise-address 192.0.2.10')
})

test('an address that nobody has named is in no unit, so that the host may change it; names are', () => {
  const { nodeIp, ...anywhere } = node
  expect(agentUnitText(node, { resolvConf: '/etc/resolv.conf' })).toContain(`--node-ip ${nodeIp}`)
  expect(agentUnitText(anywhere, { resolvConf: '/etc/resolv.conf' })).not.toContain('--node-ip')
  const { advertiseAddress: _, ...named } = { ...server, serverNames: ['cluster.example.com', 'b.example.com'] }
  const text = serverUnitText(named)
  expect(text).not.toContain('--advertise-address')
  expect(text).toContain('--server-name cluster.example.com \\\n  --server-name b.example.com')
})

test("a host's addresses are all that flags name, each once, or else its own", () => {
  expect(addressesOf(['192.0.2.10', '192.0.2.10,2001:db8::1'], '192.0.2.99')).toEqual(['192.0.2.10', '2001:db8::1'])
  expect(addressesOf([undefined, undefined], '192.0.2.99')).toEqual(['192.0.2.99'])
  expect(addressesOf([], undefined)).toEqual([])
})

test("the DNS manifest gets the cluster's address and domain, and the host's file as its program", () => {
  const text = readFileSync(join(import.meta.dirname, '../addons/dns/dns.yaml'), 'utf8')
  const made = toManifest(text, { clusterDns: '10.11.0.10', clusterDomain: 'lan', version: 'fairlead 1 (build a)' })
  const before = parseAllDocuments(text).map((document) => document.toJS())
  const after = parseAllDocuments(made).map((document) => document.toJS())
  expect(after.map(({ kind }) => kind)).toEqual(before.map(({ kind }) => kind))
  const service = after.find(({ kind }) => kind === 'Service')
  expect(service.spec).toMatchObject({ clusterIP: '10.11.0.10', ports: [{}, {}, {}] })
  const { metadata, spec } = after.find(({ kind }) => kind === 'Deployment').spec.template
  expect(metadata).toEqual({
    labels: { 'k8s-app': 'kube-dns' },
    annotations: { 'fairlead.io/version': 'fairlead 1 (build a)' },
  })
  expect(spec.containers).toMatchObject([
    {
      args: ['--zone', 'lan'],
      volumeMounts: [{ name: 'fairlead', mountPath: '/usr/local/bin/fairlead', readOnly: true }],
      securityContext: { readOnlyRootFilesystem: true },
    },
  ])
  expect(spec.volumes).toEqual([{ name: 'fairlead', hostPath: { path: '/usr/local/bin/fairlead', type: 'File' } }])
})

test.each([
  ['30m', 1_800_000],
  ['1h30m', 5_400_000],
  ['7d', 604_800_000],
  ['0', 0],
])('a token for %s lasts %i ms', (text, expected) => {
  expect(parseTtl(text)).toBe(expected)
})

test.each(['', '5', '1w', '-1h', '1h 30m'])('"%s" is no time for a token', (text) => {
  expect(() => parseTtl(text)).toThrow('Expected a time')
})

test("a token's list shows when it ends, and not its secret", () => {
  const encode = (text: string) => Buffer.from(text).toString('base64')
  const secret = {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: 'bootstrap-token-abcdef', uid: '', resourceVersion: '1', creationTimestamp: '' },
    data: {
      'token-id': encode('abcdef'),
      'token-secret': encode('0123456789abcdef'),
      expiration: encode('2027-01-01T10:00:00Z'),
      description: encode('rack 4'),
    },
  }
  const cells = describeToken(secret, Date.parse('2027-01-01T08:30:00Z'))
  expect(cells).toEqual(['abcdef', '2027-01-01T10:00:00Z', '1h30m', 'rack 4'])
})

test('what systemd would replace in a command line is written so that the program gets it as it is', () => {
  expect(serverUnitText({ ...server, clusterDomain: 'a%h$PATH' })).toContain('--cluster-domain a%%h$$PATH')
})
