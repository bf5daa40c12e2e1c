import type { Answer } from 'dns-packet'
import { expect, test } from 'vitest'
import type { EndpointSlice, Namespace, Service } from '../../api/generated/types.ts'
import type { Stored } from '../../api/objects/object.ts'
import { type Lookup, serviceKeyOf } from './cluster.ts'
import { failure, type Outcome } from './message.ts'
import { Resolver } from './resolver.ts'

const stored = (name: string, namespace?: string) => ({
  name,
  ...(namespace !== undefined && { namespace }),
  uid: name,
  resourceVersion: '1',
  creationTimestamp: '2026-01-01T00:00:00Z',
})
const namespaces: Stored<Namespace>[] = ['default', 'shop', 'kube-system'].map((name) => ({
  metadata: stored(name),
  spec: {},
}))
const service = (namespace: string, name: string, spec: Service['spec']): Stored<Service> => ({
  metadata: stored(name, namespace),
  spec: spec ?? {},
})
const http = { name: 'http', port: 80, protocol: 'TCP' }
const services = [
  service('default', 'web', {
    clusterIP: '10.96.0.7',
    clusterIPs: ['10.96.0.7', 'fd00::7'],
    ports: [http, { name: 'dns', port: 53, protocol: 'UDP' }],
  }),
  service('default', 'alone', { clusterIP: '10.96.0.8', clusterIPs: ['10.96.0.8'], ports: [{ port: 80 }] }),
  service('shop', 'db', { clusterIP: 'None', ports: [{ name: 'sql', port: 5432 }] }),
  service('shop', 'early', { clusterIP: 'None', publishNotReadyAddresses: true, ports: [http] }),
  service('shop', 'agents', { clusterIP: 'None', ports: [http] }),
  service('shop', 'empty', { clusterIP: 'None', ports: [http] }),
  service('shop', 'out', { type: 'ExternalName', externalName: 'www.example.com' }),
  service('shop', 'inside', { type: 'ExternalName', externalName: 'web.default.svc.cluster.local' }),
  service('shop', 'ring', { type: 'ExternalName', externalName: 'ring.shop.svc.cluster.local' }),
  service('shop', 'nowhere', { type: 'ExternalName', externalName: 'gone.default.svc.cluster.local' }),
  service('shop', 'broken', { type: 'ExternalName', externalName: 'www.example.org' }),
  service('shop', 'long', { type: 'ExternalName', externalName: `${'x'.repeat(64)}.example` }),
  service('shop', 'pending', { type: 'ClusterIP' }),
  service('kube-system', 'kube-dns', { clusterIP: '10.96.0.10', clusterIPs: ['10.96.0.10'], ports: [] }),
]
const slice = (
  name: string,
  endpoints: EndpointSlice['endpoints'],
  port: { name: string; port: number },
): Stored<EndpointSlice> => ({
  metadata: { ...stored(`${name}-1`, 'shop'), labels: { 'kubernetes.io/service-name': name } },
  addressType: 'IPv4',
  endpoints,
  ports: [{ ...port, protocol: 'TCP' }],
})
const slices = [
  slice(
    'db',
    [
      { addresses: ['10.244.0.5'], hostname: 'db-0', conditions: { ready: true } },
      { addresses: ['10.244.1.6'], conditions: { ready: true } },
      { addresses: ['10.244.1.7'], hostname: 'db-2', conditions: { ready: false } },
    ],
    { name: 'sql', port: 5432 },
  ),
  slice(
    'agents',
    [
      { addresses: ['192.0.2.5'], hostname: 'agents-0', conditions: { ready: true } },
      { addresses: ['192.0.2.5'], hostname: 'agents-1', conditions: { ready: true } },
    ],
    { name: 'http', port: 80 },
  ),
  slice('early', [{ addresses: ['10.244.1.9'], conditions: { ready: false } }], { name: 'http', port: 8080 }),
]

const lookup: Lookup = {
  service: (key) => services.find(({ metadata }) => `${metadata.namespace}/${metadata.name}` === key),
  slices: (key) => slices.filter((each) => serviceKeyOf(each) === key),
  servicesAt: (address) => services.filter(({ spec }) => spec.clusterIPs?.includes(address)),
  slicesAt: (address) =>
    slices.filter(({ endpoints }) => endpoints?.some(({ addresses }) => addresses.includes(address))),
  hasNamespace: (name) => namespaces.some(({ metadata }) => metadata.name === name),
}

const outside: Outcome = {
  ...failure('NOERROR'),
  answers: [{ type: 'A', name: 'www.example.com', ttl: 30, data: '192.0.2.80' }],
}
const resolver = new Resolver({
  lookup,
  zone: 'cluster.local',
  ttl: 5,
  ownService: 'kube-system/kube-dns',
  forward: ({ name }) =>
    Promise.resolve(
      name === 'www.example.com' ? outside : failure(name === 'www.example.org' ? 'SERVFAIL' : 'REFUSED'),
    ),
})

type Type = 'A' | 'AAAA' | 'SRV' | 'PTR' | 'CNAME' | 'TXT' | 'NS' | 'SOA' | 'MX'

async function ask(name: string, type: Type): Promise<string> {
  const { rcode, answers } = await resolver.resolve({ name, type })
  return [rcode, ...answers.map(toText).sort()].join(' ')
}

function toText(record: Answer): string {
  if (record.type === 'SRV') return `${record.data.port}/${record.data.target}`
  return 'data' in record ? String(record.data) : record.type
}

const svc = 'svc.cluster.local'
const expected: [name: string, type: Type, answer: string][] = [
  [`web.default.${svc}`, 'A', 'NOERROR 10.96.0.7'],
  [`web.default.${svc}`, 'AAAA', 'NOERROR fd00::7'],
  [`WEB.Default.SVC.Cluster.Local`, 'A', 'NOERROR 10.96.0.7'],
  [`web.default.${svc}.`, 'A', 'NOERROR 10.96.0.7'],
  [`alone.default.${svc}`, 'AAAA', 'NOERROR'],
  [`web.default.${svc}`, 'MX', 'NOERROR'],
  [`_http._tcp.web.default.${svc}`, 'SRV', `NOERROR 80/web.default.${svc}`],
  [`_http._tcp.web.default.${svc}`, 'A', 'NOERROR'],
  [`_http._udp.web.default.${svc}`, 'SRV', 'NXDOMAIN'],
  [`_nope._tcp.web.default.${svc}`, 'SRV', 'NXDOMAIN'],
  [`_tcp.web.default.${svc}`, 'A', 'NOERROR'],
  [`_sctp.web.default.${svc}`, 'A', 'NXDOMAIN'],
  [`web.default.${svc}`, 'SRV', `NOERROR 53/web.default.${svc} 80/web.default.${svc}`],
  [`db.shop.${svc}`, 'A', 'NOERROR 10.244.0.5 10.244.1.6'],
  [`db-0.db.shop.${svc}`, 'A', 'NOERROR 10.244.0.5'],
  [`10-244-1-6.db.shop.${svc}`, 'A', 'NOERROR 10.244.1.6'],
  [`db-2.db.shop.${svc}`, 'A', 'NXDOMAIN'],
  [`_sql._tcp.db.shop.${svc}`, 'SRV', `NOERROR 5432/10-244-1-6.db.shop.${svc} 5432/db-0.db.shop.${svc}`],
  [`early.shop.${svc}`, 'A', 'NOERROR 10.244.1.9'],
  [`_http._tcp.early.shop.${svc}`, 'SRV', `NOERROR 8080/10-244-1-9.early.shop.${svc}`],
  // In their host's network, pods share its address.
  [`agents.shop.${svc}`, 'A', 'NOERROR 192.0.2.5'],
  [`agents-0.agents.shop.${svc}`, 'A', 'NOERROR 192.0.2.5'],
  [`agents-1.agents.shop.${svc}`, 'A', 'NOERROR 192.0.2.5'],
  [`_http._tcp.agents.shop.${svc}`, 'SRV', `NOERROR 80/agents-0.agents.shop.${svc} 80/agents-1.agents.shop.${svc}`],
  [`empty.shop.${svc}`, 'A', 'NXDOMAIN'],
  [`empty.shop.${svc}`, 'SRV', 'NXDOMAIN'],
  [`pending.shop.${svc}`, 'A', 'NXDOMAIN'],
  [`nobody.shop.${svc}`, 'A', 'NXDOMAIN'],
  // No wildcards: neither a host below a ClusterIP Service, nor a star.
  [`host.web.default.${svc}`, 'A', 'NXDOMAIN'],
  [`*.default.${svc}`, 'A', 'NXDOMAIN'],
  [`any.web.default.${svc}`, 'A', 'NXDOMAIN'],
  // Names on the way to others exist, without records.
  ['cluster.local', 'A', 'NOERROR'],
  [svc, 'A', 'NOERROR'],
  [`default.${svc}`, 'A', 'NOERROR'],
  [`gone.${svc}`, 'A', 'NXDOMAIN'],
  [`out.shop.${svc}`, 'CNAME', 'NOERROR www.example.com'],
  [`out.shop.${svc}`, 'A', 'NOERROR 192.0.2.80 www.example.com'],
  [`inside.shop.${svc}`, 'A', `NOERROR 10.96.0.7 web.default.${svc}`],
  // RFC 6604: an alias is answered with what becomes of its target.
  [`inside.shop.${svc}`, 'MX', `NOERROR web.default.${svc}`],
  [`nowhere.shop.${svc}`, 'A', `NXDOMAIN gone.default.${svc}`],
  [`broken.shop.${svc}`, 'A', 'SERVFAIL www.example.org'],
  [`ring.shop.${svc}`, 'A', 'SERVFAIL'],
  [`long.shop.${svc}`, 'A', 'SERVFAIL'],
  ['10-244-1-2.default.pod.cluster.local', 'A', 'NOERROR 10.244.1.2'],
  ['fd00--1-2.default.pod.cluster.local', 'AAAA', 'NOERROR fd00::1:2'],
  ['10-244-1-2.gone.pod.cluster.local', 'A', 'NXDOMAIN'],
  ['10-244-1-999.default.pod.cluster.local', 'A', 'NXDOMAIN'],
  ['7.0.96.10.in-addr.arpa', 'PTR', `NOERROR web.default.${svc}`],
  ['5.0.244.10.in-addr.arpa', 'PTR', `NOERROR db-0.db.shop.${svc}`],
  ['6.1.244.10.in-addr.arpa', 'PTR', `NOERROR 10-244-1-6.db.shop.${svc}`],
  [`7.${'0.'.repeat(27)}0.0.d.f.ip6.arpa`, 'PTR', `NOERROR web.default.${svc}`],
  ['9.9.244.10.in-addr.arpa', 'PTR', 'REFUSED'],
  ['dns-version.cluster.local', 'TXT', 'NOERROR 1.1.0'],
  ['cluster.local', 'NS', 'NOERROR ns.dns.cluster.local'],
  ['ns.dns.cluster.local', 'A', 'NOERROR 10.96.0.10'],
  ['other.example', 'A', 'REFUSED'],
]

test.each(expected)('%s %s: %s', async (name, type, answer) => {
  expect(await ask(name, type)).toBe(answer)
})

test('a negative answer has the zone’s SOA, by which it may be kept', async () => {
  for (const name of [`nobody.shop.${svc}`, `default.${svc}`, `nowhere.shop.${svc}`]) {
    const { authorities, isAuthoritative } = await resolver.resolve({ name, type: 'A' })
    expect(isAuthoritative).toBe(true)
    expect(authorities).toMatchObject([{ type: 'SOA', name: 'cluster.local', ttl: 5, data: { minimum: 5 } }])
  }
})

test('an SRV answer brings the addresses of its targets', async () => {
  const { additionals } = await resolver.resolve({ name: `_http._tcp.web.default.${svc}`, type: 'SRV' })
  expect(additionals.map(toText)).toEqual(['10.96.0.7', 'fd00::7'])
})

test('who asks for everything gets a little: RFC 8482', async () => {
  const { answers } = await resolver.resolve({ name: `db.shop.${svc}`, type: 'ANY' as 'A' })
  expect(answers.map(({ type }) => type)).toEqual(['HINFO'])
})

test('several addresses come in changing order', async () => {
  const firsts = new Set<string>()
  for (let turn = 0; turn < 64; turn++) {
    const { answers } = await resolver.resolve({ name: `db.shop.${svc}`, type: 'A' })
    firsts.add(answers.map(toText)[0] ?? '')
  }
  expect(firsts.size).toBe(2)
})
